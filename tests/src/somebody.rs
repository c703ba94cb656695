//! Somebody of whom much is known, and the search for what is left of them.

use std::{
    fs::{self, File},
    io::Read as _,
    path::Path,
};

use anyhow::Context as _;
use flate2::read::GzDecoder;
use memchr::memmem;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Answer, Client, Server, note_secret};

const USERS: &str = "/api/v1/users/user/";

/// A person with every field filled, tries to log in, a second address and a token.
#[derive(Clone, Debug)]
pub struct Somebody {
    /// The account.
    pub id: String,
    /// What they log in with.
    pub username: String,
    /// With it.
    pub password: String,
    /// In international spelling.
    pub phone: String,
    /// Known to be theirs.
    pub email: String,
    /// Listed, and not confirmed.
    pub listed: String,
    known: Vec<String>,
}

impl Somebody {
    /// Opens the account, and does with it what people do. Different numbers are different people.
    ///
    /// # Errors
    ///
    /// The server refuses something of it.
    pub async fn of(server: &Server, number: u32) -> anyhow::Result<Self> {
        let admin = server.admin();
        let username = format!("somebody-number-{number}-who-leaves");
        let password = format!("Erase-Me-Battery-{number}-9431");
        note_secret(&password);
        let email = format!("somebody.{number}@leaves.example");
        let phone = format!("+39333123{:04}", 4500 + number);
        let listed = format!("Another.{number}@leaves.example");
        let token = format!("what token {number} is for / 7734");
        let body = json!({
            "username": username,
            "password": password,
            "email": email,
            "email_verified": true,
            "first_name": format!("Éowyn \"{number}\""),
            "last_name": format!("Ashworth-{number}-O'Leary"),
            "phone_number": phone,
            "birth_date": format!("1987-03-{:02}", 1 + number % 28),
            "location": format!("behind old lighthouse {number}"),
            "company": format!("Leavers & Sons / {number}"),
            "bio": format!("plays the oboe – on day {number}"),
            "url": format!("https://leaves.example/~somebody?x={number}"),
            "notes": format!("asked for \\ to be erased: {number}"),
        });
        let key = format!("make-{number}");
        let request = admin.request(Method::POST, USERS).json(&body).header("Idempotency-Key", key);
        let made: Answer = admin.send(request).await?.expect(201)?;
        let made = made.json().context("JSON")?;
        let id = made["id"].as_str().context("an id")?.to_owned();
        for (path, body) in
            [("email", json!({ "email": listed })), ("token", json!({ "name": token }))]
        {
            let path = format!("{USERS}{id}/{path}/");
            let answer = admin.json(Method::POST, &path, &body).await?.expect(201)?;
            let answer = answer.json().context("JSON")?;
            for secret in ["token", "key"] {
                answer[secret].as_str().into_iter().for_each(note_secret);
            }
        }
        let mut known: Vec<String> = vec![listed.clone(), token];
        let fields = body.as_object().into_iter().flatten();
        // A date alone is said of others, too.
        let fields = fields.filter(|(name, _)| *name != "birth_date");
        known.extend(fields.filter_map(|(_, value)| Some(value.as_str()?.to_owned())));
        let somebody = Self { id, username, password, phone, email, listed, known };
        for (word, expected) in [("wrong", 400), (somebody.password.as_str(), 200)] {
            let status = somebody.log_in(server, word).await?;
            anyhow::ensure!(status == expected, "logging in is answered with {status}");
        }
        Ok(somebody)
    }

    /// Tries to log in. The status of the answer.
    ///
    /// # Errors
    ///
    /// There is no answer.
    pub async fn log_in(&self, server: &Server, password: &str) -> anyhow::Result<u16> {
        let form = [("username", self.username.as_str()), ("password", password)];
        let answer = server.client().post_form("/api/v1/users/token/", &form).await?;
        if let Some(said) = answer.json() {
            said["token"].as_str().into_iter().for_each(note_secret);
        }
        Ok(answer.status)
    }

    /// Erases them, or asks what that would be.
    ///
    /// # Errors
    ///
    /// The server refuses it.
    pub async fn erase(&self, server: &Server, dry_run: bool) -> anyhow::Result<Value> {
        self.erase_as(&server.admin(), dry_run).await
    }

    /// The same by somebody else.
    ///
    /// # Errors
    ///
    /// It is refused.
    pub async fn erase_as(&self, client: &Client, dry_run: bool) -> anyhow::Result<Value> {
        let text = "mutation ($input: EraseUserInput!) { eraseUser(input: $input) { id position dryRun erases { events logIns emailAddresses tokens memberships } } }";
        let input = json!({ "id": self.id, "dryRun": dry_run });
        let data = client.graphql_data(text, json!({ "input": input })).await?;
        Ok(data["eraseUser"].clone())
    }

    /// Everything that is said of them, in every spelling that files may have.
    pub fn spellings(&self) -> Vec<String> {
        let mut all: Vec<String> = self.known.iter().flat_map(|text| spellings(text)).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Where something that is said of them stands in a folder and all below; packed files are unpacked.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn left_in(&self, folder: &Path) -> anyhow::Result<Vec<String>> {
        let wanted = self.spellings();
        let mut found = Vec::new();
        each_file(folder, &mut |path, bytes| {
            for text in &wanted {
                if memmem::find(bytes, text.as_bytes()).is_some() {
                    found.push(format!("{}: {text}", path.display()));
                }
            }
        })?;
        Ok(found)
    }
}

fn each_file(folder: &Path, look: &mut impl FnMut(&Path, &[u8])) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            each_file(&path, look)?;
        } else if path.is_file() {
            let mut bytes = Vec::new();
            if path.extension().is_some_and(|extension| extension == "gz") {
                GzDecoder::new(File::open(&path)?).read_to_end(&mut bytes)?;
            } else {
                bytes = fs::read(&path)?;
            }
            look(&path, &bytes);
        }
    }
    Ok(())
}

/// As it is, in lower case, and as JSON, addresses and forms spell it.
fn spellings(text: &str) -> Vec<String> {
    let json = Value::from(text).to_string().trim_matches('"').to_owned();
    let ascii = json.chars().map(|c| match c {
        ' '..='~' => c.to_string(),
        c => format!("\\u{:04x}", u32::from(c)),
    });
    let form: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    vec![
        text.to_owned(),
        text.to_lowercase(),
        ascii.collect(),
        json.replace('/', "\\/"),
        form.replace('+', "%20"),
        form,
        json,
    ]
}
