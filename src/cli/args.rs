//! The command line's words. Nothing here does anything.

#![expect(clippy::doc_markdown, reason = "these comments are what --help shows")]

use clap::{ArgGroup, Args, Parser, Subcommand, ValueHint};
use std::path::PathBuf;

/// Sends approved WhatsApp template messages to lists of numbers: nobody twice, nobody lost.
///
/// Without a command it opens the console, with the sender, the scheduler and the HTTP API in it.
#[derive(Debug, Parser)]
#[command(name = "wacast", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "Exit codes: 0 completed, 1 error, 2 usage or configuration, 3 completed with failures, \
                        4 paused or held, 130 interrupted.\nTry it without an account: wacast demo")]
pub struct Cli {
    /// The configuration file [default: $WACAST_CONFIG, ./config.toml, ~/.config/wacast/config.toml,
    /// /etc/wacast/config.toml]
    #[arg(long, value_name = "FILE", global = true, value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// Without a screen: log lines on stderr, JSON lines when that is not a terminal
    #[arg(long, global = true)]
    pub no_tui: bool,

    /// The console only watches: it sends nothing and changes nothing
    #[arg(long, conflicts_with = "no_tui")]
    pub read_only: bool,

    /// Rehearse: against the built-in sandbox, with a store of its own
    #[arg(long, global = true)]
    pub sandbox: bool,

    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show it: a sandbox, sample numbers and a running broadcast; needs no configuration
    Demo,
    /// Run the sandbox alone: a Cloud API of our own on loopback
    Sandbox(SandboxArgs),
    /// Read numbers from a file (CSV, JSON, JSON lines, XLSX; - for stdin) into a list, or undo that
    Import(ImportArgs),
    /// Show the lists and the uploads that they are made of
    Lists(ListsArgs),
    /// Show all that is known of one person: lists, broadcasts, opt-outs
    Person(PersonArgs),
    /// Send a template to a list, now, later or again and again
    Send(SendArgs),
    /// Show or note the numbers of your own that test messages go to
    OwnNumbers(OwnNumbersArgs),
    /// Show broadcasts and schedules, or one of them
    Status(StatusArgs),
    /// Stop a broadcast or a schedule so that it can go on
    Pause(OneArgs),
    /// Let a paused broadcast go on, or switch a schedule on
    Resume(OneArgs),
    /// End a broadcast for good, or switch a schedule off
    Cancel(CancelArgs),
    /// Say that WhatsApp restricts the account no more: what was paused for it goes on
    Lift(LiftArgs),
    /// Write who got a broadcast and who did not, as CSV
    Report(ReportArgs),
    /// Show people of whom it is not known whether they got it, and decide about them
    InDoubt(InDoubtArgs),
    /// Send once more to some people of a broadcast that has ended
    FollowUp(FollowUpArgs),
    /// Show who asked not to be written to, note it for somebody, or undo it
    #[command(name = "optouts", alias = "opt-outs")]
    OptOuts(OptOutsArgs),
    /// Show who did what, and whether anybody changed that record
    Audit(AuditArgs),
    /// Take a copied or restored store into use
    Adopt(AdoptArgs),
    /// Prove the promise on this machine: send to the sandbox, kill the sender again and again, and count
    Prove(ProveArgs),
    /// Show the templates, or fetch them anew
    Templates(TemplatesArgs),
    /// Show how the access token stands, or take a new one and let go on what waits for it
    Token(TokenArgs),
    /// Look at everything that sending needs, and say what to do
    Doctor,
    /// Show every setting and where it comes from, or change one
    Config(ConfigArgs),
    /// Print the completions for a shell
    Completions(CompletionsArgs),
}

/// `sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Where it listens; loopback only, port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    pub listen: String,
}

/// `import`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["file", "undo", "fix"]))]
#[command(group = ArgGroup::new("how").args(["plus", "blank"]).conflicts_with("country"))]
pub struct ImportArgs {
    /// The file; - reads stdin
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Take an upload back, by its number as `lists` shows it
    #[arg(long, value_name = "UPLOAD", conflicts_with_all = ["list", "country", "phone_column", "sheet", "tags", "rejects"])]
    pub undo: Option<u32>,
    /// Import the rejects of an upload after all: with --country, --plus or --blank
    #[arg(long, value_name = "UPLOAD", conflicts_with_all = ["list", "phone_column", "sheet", "tags", "rejects"])]
    pub fix: Option<u32>,
    /// With --fix: the numbers lack only their +
    #[arg(long, requires = "fix")]
    pub plus: bool,
    /// With --fix: a spreadsheet's errors (#N/A) in other cells than the phone's stand for nothing
    #[arg(long, requires = "fix")]
    pub blank: bool,
    /// With --fix: the rejects of this cause [default: no_country, with --blank formula_error]
    #[arg(long, value_name = "CAUSE", requires = "fix")]
    pub cause: Option<String>,
    /// Do not ask
    #[arg(long, requires = "undo")]
    pub yes: bool,
    /// The list that the numbers belong to
    #[arg(long, value_name = "NAME")]
    pub list: Option<String>,
    /// Two letters: the country of numbers without a country code
    #[arg(long, value_name = "CC")]
    pub country: Option<String>,
    /// The column that holds the phones, if its name does not say so
    #[arg(long, value_name = "COLUMN")]
    pub phone_column: Option<String>,
    /// The sheet of a workbook [default: the first that is not hidden]
    #[arg(long, value_name = "NAME")]
    pub sheet: Option<String>,
    /// A tag for all of them; may be given again
    #[arg(long = "tag", value_name = "T")]
    pub tags: Vec<String>,
    /// Where rows that cannot be used are written, as CSV
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub rejects: Option<PathBuf>,
    /// The report as JSON
    #[arg(long)]
    pub json: bool,
}

/// `lists`.
#[derive(Debug, Args)]
pub struct ListsArgs {
    /// Only this list
    #[arg(value_name = "LIST")]
    pub list: Option<String>,
    /// The rows of an upload that could not be used, by cause
    #[arg(long, value_name = "UPLOAD", conflicts_with = "list")]
    pub rejects: Option<u32>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `person`.
#[derive(Debug, Args)]
pub struct PersonArgs {
    /// The whole number, as people write it
    #[arg(value_name = "PHONE")]
    pub phone: String,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `send`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("audience").required(true).args(["list", "all"]))]
#[command(group = ArgGroup::new("confirmed").args(["yes", "expect"]))]
pub struct SendArgs {
    /// The approved template's name
    #[arg(long, value_name = "NAME")]
    pub template: String,
    /// Its language, such as en_US
    #[arg(long, value_name = "CODE")]
    pub language: String,
    /// To the people of this list
    #[arg(long, value_name = "NAME")]
    pub list: Option<String>,
    /// To everybody of every list
    #[arg(long)]
    pub all: bool,
    /// What fills a variable: NAME=COLUMN from the file, NAME:=TEXT the same for everybody, header.link=@FILE a file
    /// to upload; may be given again
    #[arg(long = "var", value_name = "NAME=COLUMN")]
    pub variables: Vec<String>,
    /// When: 18:00, "tomorrow 6pm", "mon 9:30", "24 dec 18:00", "in 2 h" in the configured zone, or RFC 3339
    #[arg(long, value_name = "TIME", conflicts_with = "every")]
    pub at: Option<String>,
    /// Again and again: minute hour day month weekday, such as "0 18 * * 1-5"
    #[arg(long, value_name = "CRON", conflicts_with = "wait")]
    pub every: Option<String>,
    /// The zone that --every is read in [default: the configured one]
    #[arg(long, value_name = "ZONE", requires = "every")]
    pub zone: Option<String>,
    /// A word of your own for it
    #[arg(long, value_name = "L", default_value = "")]
    pub label: String,
    /// A slower pace for this one, messages a second
    #[arg(long, value_name = "N")]
    pub messages_per_second: Option<f64>,
    /// Let it be a repeat of one that was sent within 24 hours
    #[arg(long)]
    pub repeat: bool,
    /// When WhatsApp pauses the template, look again later and go on by itself
    #[arg(long)]
    pub retry_later: bool,
    /// What becomes of people whose values cannot be sent: they are left out, or nothing is sent
    #[arg(long, value_name = "WHAT", value_parser = ["skip", "refuse"], default_value = "skip")]
    pub on_bad_rows: String,
    /// Wait for its end; sends by itself if nobody else does
    #[arg(long)]
    pub wait: bool,
    /// Send a test only: the first person's message to your own numbers (see own-numbers); waits for its end
    #[arg(long, conflicts_with_all = ["at", "every", "yes", "expect"])]
    pub test: bool,
    /// The same, to this number instead; may be given again
    #[arg(long, value_name = "PHONE", conflicts_with_all = ["at", "every", "yes", "expect"])]
    pub test_to: Vec<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Do not ask, but refuse unless the audience is this many people
    #[arg(long, value_name = "N")]
    pub expect: Option<u64>,
    /// What was made as JSON
    #[arg(long)]
    pub json: bool,
}

impl SendArgs {
    /// Whether only a test is to be sent.
    pub fn is_test(&self) -> bool {
        self.test || !self.test_to.is_empty()
    }
}

/// `own-numbers`.
#[derive(Debug, Args)]
pub struct OwnNumbersArgs {
    /// The new ones, five at most; without any those that are noted are shown, masked
    #[arg(value_name = "PHONE")]
    pub phones: Vec<String>,
    /// Take them away
    #[arg(long, conflicts_with = "phones")]
    pub none: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// One broadcast or schedule; without it the newest broadcasts and all schedules
    #[arg(value_name = "ID", conflicts_with = "since")]
    pub id: Option<String>,
    /// Also what it costs so far, by who got it
    #[arg(long, requires = "id")]
    pub cost: bool,
    /// What happened since then: yesterday, today, 2h, 18:00, 2026-11-08, "2026-11-08 18:00", or RFC 3339
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `lift`.
#[derive(Debug, Args)]
pub struct LiftArgs {
    /// The answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// `pause`, `resume`.
#[derive(Debug, Args)]
pub struct OneArgs {
    /// The broadcast, or the schedule
    #[arg(value_name = "ID")]
    pub id: String,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `cancel`.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// The broadcast, or the schedule
    #[arg(value_name = "ID")]
    pub id: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The broadcast
    #[arg(value_name = "ID")]
    pub id: String,
    /// Where to write it; - for stdout
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: PathBuf,
    /// Mask the phone numbers
    #[arg(long)]
    pub masked: bool,
}

/// `in-doubt`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("word").args(["leave", "count_as_sent", "give_up", "send_again"]))]
pub struct InDoubtArgs {
    /// The broadcast; without it all that have somebody in doubt
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// They stay as they are; a late receipt may still settle them
    #[arg(long, requires = "id")]
    pub leave: bool,
    /// They have it
    #[arg(long, requires = "id")]
    pub count_as_sent: bool,
    /// They do not have it, and do not get it
    #[arg(long, requires = "id")]
    pub give_up: bool,
    /// Send it again: they may get it twice
    #[arg(long, requires = "id")]
    pub send_again: bool,
    /// Only this person; may be given again
    #[arg(long = "phone", value_name = "PHONE", requires = "word")]
    pub phones: Vec<String>,
    /// Do not ask
    #[arg(long, requires = "word", conflicts_with = "expect")]
    pub yes: bool,
    /// Do not ask, but refuse unless it is about this many people
    #[arg(long, value_name = "N", requires = "word")]
    pub expect: Option<u64>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `follow-up`.
#[derive(Debug, Args)]
pub struct FollowUpArgs {
    /// The broadcast that has ended
    #[arg(value_name = "ID")]
    pub id: String,
    /// Whom: all who failed; of those only the ones whose reason passes (retry); those in doubt; or those who got it and
    /// have not read it, as far as is known
    #[arg(long, value_name = "WHO", value_parser = ["failed", "retry", "in_doubt", "not_read"])]
    pub pick: String,
    /// Of those only who failed with this code
    #[arg(long, value_name = "CODE")]
    pub code: Option<i64>,
    /// Of those not who failed with this code; may be said several times
    #[arg(long, value_name = "CODE")]
    pub without: Vec<i64>,
    /// A word of your own for it
    #[arg(long, value_name = "L", default_value = "")]
    pub label: String,
    /// When: 18:00, "tomorrow 6pm", "mon 9:30", "24 dec 18:00", "in 2 h" in the configured zone, or RFC 3339
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Let them get one more follow-up
    #[arg(long)]
    pub repeat: bool,
    /// Do not ask
    #[arg(long, conflicts_with = "expect")]
    pub yes: bool,
    /// Do not ask, but refuse unless it goes to this many people
    #[arg(long, value_name = "N")]
    pub expect: Option<u64>,
    /// What was made as JSON
    #[arg(long)]
    pub json: bool,
}

/// `optouts`.
#[derive(Debug, Args)]
pub struct OptOutsArgs {
    /// What to do [default: list]
    #[command(subcommand)]
    pub action: Option<OptOutsAction>,
    /// As JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do about opt-outs.
#[derive(Debug, Subcommand)]
pub enum OptOutsAction {
    /// Show who is opted out, and how
    List {
        /// Only people whose phone or user id holds this
        #[arg(value_name = "SEARCH", default_value = "")]
        search: String,
        /// Everything that was ever noted about this one person
        #[arg(long, requires = "search")]
        history: bool,
    },
    /// Note that somebody is not to be written to
    Add {
        /// The phone, or WhatsApp's id of the user
        #[arg(value_name = "PHONE")]
        phone: String,
        /// Why, or who said so
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
    },
    /// Undo it, on the record; nothing is forgotten
    Remove {
        /// The phone, or WhatsApp's id of the user
        #[arg(value_name = "PHONE")]
        phone: String,
        /// Only this way of having opted out [default: all]
        #[arg(long, value_name = "KIND", value_parser = ["typed", "button", "platform", "code_131050", "operator", "import"])]
        kind: Option<String>,
        /// Why, or who said so
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
    },
    /// Read people who are not to be written to from a file (CSV, JSON, JSON lines, XLSX)
    Import {
        /// The file
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Two letters: the country of numbers without a country code
        #[arg(long, value_name = "CC")]
        country: Option<String>,
        /// The column that holds the phones, if its name does not say so
        #[arg(long, value_name = "COLUMN")]
        phone_column: Option<String>,
        /// Where rows that cannot be used are written, as CSV
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        rejects: Option<PathBuf>,
    },
    /// Write everybody who is opted out as CSV
    Export {
        /// Where to write it; - for stdout
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
}

/// `audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Only the newest N entries
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub last: u64,
    /// Every entry as a JSON line
    #[arg(long)]
    pub json: bool,
}

/// `adopt`.
#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `prove`.
#[derive(Debug, Args)]
pub struct ProveArgs {
    /// Your own number file; nothing leaves this machine [default: made-up people]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Made-up people, without a file
    #[arg(long, value_name = "N", default_value_t = 20_000, conflicts_with = "file")]
    pub people: u32,
    /// How often the sender is killed with SIGKILL
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub kills: u32,
    /// The same seed kills at the same places and breaks the same requests
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Two letters: the country of numbers without a country code
    #[arg(long, value_name = "CC")]
    pub country: Option<String>,
    /// Prove it on this store instead of a temporary SQLite file: an empty MongoDB database
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// The verdict as JSON
    #[arg(long)]
    pub json: bool,
}

/// `templates`.
#[derive(Debug, Args)]
pub struct TemplatesArgs {
    /// Ask WhatsApp first
    #[arg(long)]
    pub sync: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// Read a new token from stdin, check it, and use it from now on
    #[arg(long)]
    pub stdin: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// What to do [default: show]
    #[command(subcommand)]
    pub action: Option<ConfigAction>,
    /// As JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do about the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Show every setting, its value and where it comes from, and all files
    Show,
    /// Change one setting in the configuration file; comments and order stay
    Set {
        /// Which, as section.key, such as sender.messages_per_second
        #[arg(value_name = "KEY")]
        key: String,
        /// The new value, without quotes
        #[arg(value_name = "VALUE", allow_hyphen_values = true)]
        value: String,
    },
}

/// `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}
