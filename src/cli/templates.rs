//! `templates`: what may be sent, as last synced or fetched anew.

use super::args::TemplatesArgs;
use super::exit::{Exit, Outcome};
use super::terminal;
use super::{Start, with_ground};
use crate::domain::time::Millis;
use crate::service::times;
use serde_json::{Value, json};

pub(super) async fn run(start: Start, args: TemplatesArgs) -> Outcome {
    with_ground(start, |service| async move {
        let mut known = if args.sync { service.sync_templates().await? } else { service.templates().await? };
        if known.synced_at.is_none() {
            // Nothing was ever fetched: an empty answer would say that there are none.
            known = service.sync_templates().await?;
        }
        if args.json {
            let templates: Vec<Value> = known
                .templates
                .iter()
                .map(|template| {
                    let slots =
                        template.slots().map(|slots| slots.into_iter().map(|slot| slot.name).collect::<Vec<_>>());
                    json!({
                        "name": template.name,
                        "language": template.language,
                        "status": template.status,
                        "category": template.category,
                        "sub_category": Some(&template.sub_category).filter(|word| !word.is_empty()),
                        "rejected_reason": Some(&template.rejected_reason).filter(|words| !words.is_empty()),
                        "quality": template.quality,
                        "variables": slots.ok(),
                    })
                })
                .collect();
            terminal::json(&json!({ "templates": templates, "synced_at": known.synced_at.map(Millis::rfc3339) }))?;
            return Ok(Exit::Completed);
        }
        for template in &known.templates {
            let variables = match template.slots() {
                Ok(slots) => slots.into_iter().map(|slot| slot.name).collect::<Vec<_>>().join(" "),
                Err(unsupported) => format!("cannot be sent yet: {}", unsupported.part),
            };
            terminal::line(&format!(
                "{:<40} {:<8} {:<10} {:<14} {variables}",
                template.name,
                template.language,
                template.status.to_lowercase(),
                template.category_words(),
            ))?;
            if let Some(why) = template.rejected_words() {
                terminal::line(&format!("    rejected: {why}"))?;
            }
        }
        if known.templates.is_empty() {
            terminal::line("no templates: they are made in WhatsApp Manager, and approval takes minutes to a day")?;
        }
        if let Some(at) = known.synced_at {
            terminal::line(&format!(
                "as of {} ago; --sync asks WhatsApp anew",
                times::length_words(service.now().since(at))
            ))?;
        }
        Ok(Exit::Completed)
    })
    .await
}
