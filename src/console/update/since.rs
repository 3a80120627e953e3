//! "Since you were last here": when the card is shown.

use super::super::dialog::Dialog;
use super::super::look::Role;
use super::super::message::Request;
use super::super::model::Model;
use super::super::since::SinceCard;
use crate::domain::time::SECOND;
use crate::service::error::ServiceError;
use crate::service::since::Since;

/// After a failure it is asked for again no sooner than this, in milliseconds.
const AGAIN_AFTER_MS: i64 = 3 * SECOND;

/// A picture came: asks once, as soon as the store answers.
pub(super) fn ask_once(model: &mut Model, store_answers: bool) -> Option<Request> {
    let too_soon = model.since_after.is_some_and(|at| model.now < at);
    if model.asked_since || too_soon || !store_answers {
        return None;
    }
    model.asked_since = true;
    Some(Request::Since(None))
}

/// An operator asks for the card.
pub(super) fn ask(model: &mut Model) -> Vec<Request> {
    model.wants_since = true;
    vec![Request::Since(model.last_here)]
}

/// What happened came. Unasked it is shown only when there is something to tell, and never over what an operator does.
pub(super) fn told(model: &mut Model, told: Result<Option<Since>, ServiceError>) {
    let wanted = std::mem::take(&mut model.wants_since);
    let told = match told {
        Ok(Some(told)) => told,
        Ok(None) => {
            if wanted {
                model.say(Role::Plain, "This is the first time that you are here: next time this tells what happened.");
            }
            return;
        }
        Err(error) => {
            // Unasked it is asked for again with a later picture: the store may be back then.
            model.asked_since = false;
            model.since_after = Some(model.now.plus(AGAIN_AFTER_MS));
            if wanted {
                model.say(Role::Bad, error.message);
            }
            return;
        }
    };
    model.last_here = Some(told.since);
    let schedules = model.snapshot.as_ref().map_or(&[][..], |snapshot| &snapshot.schedules);
    let card = SinceCard::new(&told, schedules, &model.facts.zone);
    if wanted || (!told.is_quiet() && model.dialogs.is_empty()) {
        model.dialogs.push(Dialog::Since(Box::new(card)));
    } else if !told.is_quiet() {
        model.say_to_a_person(Role::Plain, "Something happened since you were last here: L shows it.");
    }
}
