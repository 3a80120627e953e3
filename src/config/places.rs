//! Which files there are: the configuration's search order, and the folder for state and logs.

use super::error::ConfigError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The places that a configuration decides, all of them full paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The configuration file that was read.
    pub file: Option<PathBuf>,
    /// Where one was looked for, in order.
    pub looked: Vec<PathBuf>,
    /// Relative paths of the configuration are relative to this folder: the file's own, or the one where
    /// the set-up would write a file.
    pub folder: PathBuf,
    /// Where the set-up writes the configuration.
    pub write_to: PathBuf,
    /// Where the log, lock files and the high-water mark lie.
    pub state: PathBuf,
}

impl Places {
    /// Looks for the configuration: `flag`, `$WACAST_CONFIG`, `./config.toml`,
    /// `$XDG_CONFIG_HOME/wacast/config.toml`, `/etc/wacast/config.toml`. A file that was named must be there.
    pub fn find(
        flag: Option<&Path>,
        environment: &BTreeMap<String, String>,
        current_folder: &Path,
    ) -> Result<Self, ConfigError> {
        let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        let home = variable("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
        let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let system = PathBuf::from("/etc/wacast/config.toml");
        let own = absolute("XDG_CONFIG_HOME")
            .or_else(|| home.as_ref().map(|home| home.join(".config")))
            .map(|folder| folder.join("wacast/config.toml"));
        let state = variable("STATE_DIRECTORY")
            .and_then(|folders| folders.split(':').next())
            .map(PathBuf::from)
            .or_else(|| absolute("XDG_STATE_HOME").map(|folder| folder.join("wacast")))
            .or_else(|| home.as_ref().map(|home| home.join(".local/state/wacast")))
            .unwrap_or_else(|| PathBuf::from("/var/lib/wacast"));

        let named = flag
            .map(|path| (path.to_path_buf(), "--config"))
            .or_else(|| variable("WACAST_CONFIG").map(|path| (PathBuf::from(path), "WACAST_CONFIG")));
        let (file, looked) = if let Some((path, named_by)) = named {
            let path = current_folder.join(path);
            if !path.exists() {
                return Err(ConfigError::NotFound { path, named_by });
            }
            (Some(path), Vec::new())
        } else {
            let mut looked = vec![current_folder.join("config.toml")];
            looked.extend(own.clone());
            looked.push(system.clone());
            (looked.iter().find(|path| path.is_file()).cloned(), looked)
        };
        let write_to = file.clone().or(own).unwrap_or(system);
        let folder = write_to.parent().unwrap_or(Path::new("/")).to_path_buf();
        Ok(Self { file, looked, folder, write_to, state: current_folder.join(state) })
    }

    /// Where the console looks for number files: `in/` beside the configuration, if there is one, else where the
    /// process stands.
    pub fn in_folder(&self) -> PathBuf {
        let beside = self.folder.join("in");
        if beside.is_dir() { beside } else { std::env::current_dir().unwrap_or_else(|_| self.folder.clone()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(flag: Option<&Path>, environment: &[(&str, &Path)], current: &Path) -> Places {
        let environment =
            environment.iter().map(|(name, value)| ((*name).to_owned(), value.display().to_string())).collect();
        Places::find(flag, &environment, current).unwrap()
    }

    #[test]
    fn the_first_of_the_search_order_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let make = |path: &str| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            path
        };
        let environment: [(&str, &Path); 2] = [("XDG_CONFIG_HOME", &root.join("xdg")), ("HOME", &root.join("home"))];
        let nothing = find(None, &environment, root);
        assert_eq!(nothing.file, None);
        assert_eq!(nothing.write_to, root.join("xdg/wacast/config.toml"));
        assert_eq!(nothing.state, root.join("home/.local/state/wacast"));

        let own = make("xdg/wacast/config.toml");
        assert_eq!(find(None, &environment, root).file, Some(own));
        let here = make("config.toml");
        assert_eq!(find(None, &environment, root).file, Some(here));
        let named = make("named.toml");
        let with_name = [environment[0], ("WACAST_CONFIG", named.as_path())];
        assert_eq!(find(None, &with_name, root).file, Some(named.clone()));
        let flag = make("a/flag.toml");
        let found = find(Some(Path::new("a/flag.toml")), &with_name, root);
        assert_eq!((found.file, found.folder), (Some(flag), root.join("a")));
    }

    #[test]
    fn a_named_file_must_be_there() {
        let error = Places::find(Some(Path::new("gone.toml")), &BTreeMap::new(), Path::new("/nowhere")).unwrap_err();
        assert_eq!(error.to_string(), "there is no configuration file /nowhere/gone.toml (named by --config)");
    }
}
