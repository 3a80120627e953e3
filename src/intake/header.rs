//! Which column holds the phones and which the names, told from the columns' names.
//!
//! Names are compared without case, blanks, `_`, `-` and invisible marks. The lists are in order of
//! preference: a name in an earlier group wins over one in a later group, because it says more surely that
//! WhatsApp reaches the number. Two of the same group are not decided here; the operator must say.

use super::IntakeProblem;

/// Names of the phones' column, the surest group first.
const PHONE_NAMES: [&[&str]; 4] = [
    &[
        "whatsapp",
        "whatsappnumber",
        "whatsappno",
        "whatsappphone",
        "whatsappphonenumber",
        "whatsappmobile",
        "whatsappmobilenumber",
        "whatsappid",
        "waid",
        "wanumber",
        "waphone",
        "numerodewhatsapp",
        "númerodewhatsapp",
    ],
    &[
        "mobile",
        "mobileno",
        "mobilenumber",
        "mobilenum",
        "mobilephone",
        "mobilephonenumber",
        "mob",
        "mobno",
        "msisdn",
        "cell",
        "cellno",
        "cellnumber",
        "cellphone",
        "cellular",
        "celular",
        "telefonocelular",
        "teléfonocelular",
        "móvil",
        "movil",
        "telefonomovil",
        "teléfonomóvil",
        "telemóvel",
        "handy",
        "handynummer",
        "mobil",
        "mobilnummer",
        "portable",
        "cellulare",
        "मोबाइल",
        "मोबाइलनंबर",
    ],
    &[
        "phone",
        "phoneno",
        "phonenum",
        "phonenumber",
        "phonenumbers",
        "phones",
        "phonee164",
        "e164",
        "telephone",
        "telephoneno",
        "telephonenumber",
        "tel",
        "telno",
        "telefon",
        "telefonnummer",
        "telefone",
        "telefono",
        "teléfono",
        "téléphone",
        "फोन",
        "फ़ोन",
        "फोननंबर",
    ],
    &[
        "contactnumber",
        "contactno",
        "contactphone",
        "contact",
        "number",
        "num",
        "numero",
        "número",
        "numéro",
        "nummer",
        "recipient",
        "to",
    ],
];

/// Names of the names' column, the fullest group first. Of two in a group the first in the file is taken.
const NAME_NAMES: [&[&str]; 3] = [
    &["name", "नाम"],
    &[
        "fullname",
        "customername",
        "contactname",
        "clientname",
        "personname",
        "displayname",
        "nombre",
        "nombrecompleto",
        "nome",
        "nomecompleto",
        "nom",
        "vollständigername",
    ],
    &["firstname", "givenname", "forename", "vorname", "prénom", "prenom", "primeironome"],
];

/// A column's name as it is compared.
pub(super) fn folded(name: &str) -> String {
    name.chars()
        .filter(|character| {
            !character.is_whitespace()
                && !character.is_control()
                && !matches!(character, '_' | '-' | '.' | ':' | '*' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}')
                && !matches!(character, '\u{2010}'..='\u{2015}' | '\u{2060}' | '\u{FEFF}' | '\u{AD}')
        })
        .flat_map(char::to_lowercase)
        .collect()
}

/// How surely a folded name is the phones' column, 0 the surest; `None`: it is not.
pub(super) fn phone_rank(folded: &str) -> Option<usize> {
    rank(&PHONE_NAMES, folded)
}

/// How well a folded name is the names' column, 0 the best; `None`: it is not.
pub(super) fn name_rank(folded: &str) -> Option<usize> {
    rank(&NAME_NAMES, folded)
}

fn rank(groups: &[&[&str]], folded: &str) -> Option<usize> {
    groups.iter().position(|group| group.contains(&folded))
}

/// Whether the names' column needs no attribute of its own: `{{name}}` means it anyway. Under any other
/// heading its column can be bound by that heading too.
pub(super) fn is_plain_name(folded: &str) -> bool {
    folded == "name"
}

/// What a heading says about its columns.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Roles {
    /// The phones' column.
    pub phone: usize,
    /// The names' column.
    pub name: Option<usize>,
}

/// Finds the columns' roles in a heading; `Ok(None)` when no name in it is a phone column's.
pub(super) fn roles(names: &[String], chosen_phone: Option<&str>) -> Result<Option<Roles>, IntakeProblem> {
    let all_folded: Vec<String> = names.iter().map(|name| folded(name)).collect();
    let phone = match chosen_phone {
        Some(wanted) => all_folded.iter().position(|name| *name == folded(wanted)).ok_or_else(|| {
            IntakeProblem::NoSuchColumn { wanted: wanted.chars().take(64).collect(), columns: names.to_vec() }
        })?,
        None => match best(&all_folded, phone_rank).as_slice() {
            [] => return Ok(None),
            [phone] => *phone,
            several => {
                return Err(IntakeProblem::SeveralPhoneColumns(
                    several.iter().map(|index| names[*index].clone()).collect(),
                ));
            }
        },
    };
    refuse_repeated(names, &all_folded)?;
    let name = best(&all_folded, name_rank).into_iter().find(|index| *index != phone);
    Ok(Some(Roles { phone, name }))
}

/// The places of the best-ranked of folded names.
pub(super) fn best(all_folded: &[String], rank: impl Fn(&str) -> Option<usize>) -> Vec<usize> {
    let ranks: Vec<Option<usize>> = all_folded.iter().map(|name| rank(name)).collect();
    let Some(first) = ranks.iter().flatten().min() else { return Vec::new() };
    (0..ranks.len()).filter(|index| ranks[*index].as_ref() == Some(first)).collect()
}

fn refuse_repeated(names: &[String], all_folded: &[String]) -> Result<(), IntakeProblem> {
    let is_repeated = |index: usize| {
        let name = &all_folded[index];
        !name.is_empty() && all_folded.iter().enumerate().any(|(other, it)| other != index && it == name)
    };
    let repeated: Vec<String> =
        (0..names.len()).filter(|index| is_repeated(*index)).map(|index| names[index].clone()).collect();
    if repeated.is_empty() { Ok(()) } else { Err(IntakeProblem::RepeatedColumns(repeated)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_is_in_the_form_it_is_compared_in() {
        for name in PHONE_NAMES.iter().chain(&NAME_NAMES).flat_map(|group| group.iter()) {
            assert_eq!(folded(name), *name);
        }
    }

    #[test]
    fn the_surest_column_wins() {
        let find = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            roles(&names, None).map(|roles| roles.map(|roles| (roles.phone, roles.name)))
        };
        for (names, expected) in [
            (vec!["Phone", "Mobile No.", "Name"], Some((1, Some(2)))),
            (vec!["Phone Number", "WhatsApp_Number"], Some((1, None))),
            (vec!["First Name", "Last Name", "Tel"], Some((2, Some(0)))),
            (vec!["First Name", "NAME", "phone"], Some((2, Some(1)))),
            (vec!["\u{feff}Teléfono", "Nombre"], Some((0, Some(1)))),
            (vec!["Contact", "Phone"], Some((1, None))),
            (vec!["a", "b"], None),
        ] {
            assert_eq!(find(&names).unwrap(), expected, "{names:?}");
        }
        assert!(matches!(find(&["Mobile", "Cell"]), Err(IntakeProblem::SeveralPhoneColumns(_))));
        assert!(matches!(find(&["phone", "City", "city "]), Err(IntakeProblem::RepeatedColumns(_))));
    }
}
