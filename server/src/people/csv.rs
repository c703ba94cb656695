//! Accounts as lines of comma-separated values (RFC 4180), as `export_users` writes them (manual 03, "Management Commands").

use app::Account;
use domain::accounts::ProfileField;
use secrecy::{ExposeSecret as _, SecretString};

/// The field that only those get who ask for it.
pub(super) const PASSWORD: &str = "password";

/// Fields that there are.
pub(crate) const FIELDS: &[&str] = &[
    "id",
    "username",
    "email",
    PASSWORD,
    "first_name",
    "last_name",
    "is_staff",
    "is_active",
    "is_superuser",
    "date_joined",
    "last_login",
    "expiration_date",
    "phone_number",
    "birth_date",
    "location",
    "company",
    "bio",
    "url",
    "notes",
    "language",
    "time_zone",
    "organizations",
];

/// A line; nothing ends it.
pub(super) fn line<S: AsRef<str>>(cells: impl IntoIterator<Item = S>) -> String {
    cells.into_iter().map(|cell| quoted(&defused(cell.as_ref()))).collect::<Vec<_>>().join(",")
}

/// What a field says of an account.
pub(super) fn cell(field: &str, account: &Account, hash: Option<&SecretString>) -> String {
    let text = |value: Option<&String>| value.cloned().unwrap_or_default();
    let known = |field| text(account.profile.get(&field));
    let flag = |set: bool| if set { "True" } else { "False" }.to_owned();
    let moment =
        |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d %H:%M:%S%.6f+00:00").to_string();
    match field {
        "id" => account.id.to_string(),
        "username" => account.username.clone(),
        "email" => text(account.email.as_ref()),
        PASSWORD => hash.map(|hash| hash.expose_secret().to_owned()).unwrap_or_default(),
        "first_name" => known(ProfileField::FirstName),
        "last_name" => known(ProfileField::LastName),
        "is_staff" => flag(account.staff),
        "is_active" => flag(account.active),
        "is_superuser" => flag(account.superuser),
        "date_joined" => moment(account.created_at),
        "last_login" => account.last_log_in_at.map(moment).unwrap_or_default(),
        "expiration_date" => account.expires_on.map(|day| day.to_string()).unwrap_or_default(),
        "phone_number" => text(account.phone.as_ref()),
        "birth_date" => known(ProfileField::BirthDate),
        "location" => known(ProfileField::Location),
        "company" => known(ProfileField::Company),
        "bio" => known(ProfileField::Bio),
        "url" => known(ProfileField::Url),
        "notes" => known(ProfileField::Notes),
        "language" => account.language.clone(),
        "time_zone" => account.time_zone.clone(),
        "organizations" => {
            let place = |row: &projections::accounts::MembershipRow| {
                let held = row.membership;
                format!("({},{})", held.organization_id, flag(held.manager))
            };
            account.memberships.iter().map(place).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// Where a cell begins for some spreadsheet: those of some countries split lines at semicolons, and none of them knows where the
/// quotes of others are.
const SEPARATORS: [char; 4] = [';', '\t', '\n', '\r'];

/// Spreadsheets run what begins like a formula; they show what has an apostrophe before it. Phone numbers are numbers.
fn defused(cell: &str) -> String {
    let phone = cell.strip_prefix('+').is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    if phone {
        return cell.to_owned();
    }
    let mut defused = String::with_capacity(cell.len() + 1);
    let mut begins = true;
    for (at, c) in cell.char_indices() {
        if begins && runs(&cell[at..]) {
            defused.push('\'');
        }
        defused.push(c);
        begins = SEPARATORS.contains(&c);
    }
    defused
}

/// The cell that [`line`] was given.
pub(super) fn undefused(cell: &str) -> String {
    let mut plain = String::with_capacity(cell.len());
    let mut begins = true;
    for (at, c) in cell.char_indices() {
        let put = begins && c == '\'' && runs(&cell[at..]);
        if !put {
            plain.push(c);
        }
        begins = SEPARATORS.contains(&c);
    }
    plain
}

/// Would a spreadsheet run a cell that begins so? Whatever stands before the formula that it may take for a quote of its own.
fn runs(text: &str) -> bool {
    text.trim_start_matches(['\'', '"', ' '])
        .starts_with(['=', '+', '-', '@', '|', '\t', '\r', '\n', '＝', '＋', '－', '＠', '｜'])
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r', ';', '\t']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_have_to_be() {
        assert_eq!(
            line(["a", "b c", "d,e", "f\"g", "h\ni", "j;k", "l\tm", ""]),
            "a,b c,\"d,e\",\"f\"\"g\",\"h\ni\",\"j;k\",\"l\tm\","
        );
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_defused() {
        for formula in [
            "=1+1",
            "+cmd|x",
            "-2+3",
            "@SUM(A1)",
            "\tx",
            "=HYPERLINK(\"x\")",
            "+1 2",
            "+",
            "＝1",
            "|x",
            "'=1",
            " =1",
            "\"=1",
        ] {
            assert!(defused(formula).starts_with('\''), "{formula}");
        }
        for text in ["ada", "+393331234501", "1-2", "a=b", "", "2024-01-31"] {
            assert_eq!(defused(text), text);
        }
        assert_eq!(line(["=\"a\",b"]), "\"'=\"\"a\"\",b\"");
    }

    #[test]
    fn semicolons_bring_no_formula() {
        for (cell, written) in [
            ("a;=1+1", "a;'=1+1"),
            ("a;\"=1\"", "a;'\"=1\""),
            ("a\t-1\n@b;c;'+", "a\t'-1\n'@b;c;''+"),
        ] {
            assert_eq!(defused(cell), written);
            assert_eq!(undefused(written), cell);
        }
        // Whatever a reader takes for separators and quotes, no cell of it begins like a formula.
        let line = line(["x;=1", "\";=1;\"", "'t Hooft;-2"]);
        for cell in line.split([';', ',']) {
            let cell = cell.trim_matches(['"', ' ']);
            assert!(!cell.starts_with(['=', '-']), "{line}");
        }
    }

    #[test]
    fn what_was_written_is_read_again() {
        let alphabet = ['=', '\'', '"', ';', '+', '1', ' ', '\t', '\n', 'a', '|', '-'];
        let mut cells = vec![String::new()];
        for _ in 0..4 {
            let longer = cells.iter().flat_map(|cell| alphabet.map(|c| format!("{cell}{c}")));
            cells = longer.chain(["'t Hooft".to_owned(), "+393331234501".to_owned()]).collect();
            for cell in &cells {
                assert_eq!(undefused(&defused(cell)), *cell);
            }
        }
    }
}
