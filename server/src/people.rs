//! `wisptrail users|orgs|tokens`: first aid with people, organizations and tokens, through the use cases that the API has, beside
//! a running server through its control socket, or on the data folder without one.

mod act;
mod csv;
mod import;
mod local;

use std::{
    fs,
    io::{IsTerminal as _, Read as _, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use app::By;
use clap::{Args, Subcommand};
use domain::{Actor, Authority, authority::Scope};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use act::Act;
pub(crate) use act::perform;
use import::{Outcome, Rows, Told};
pub(crate) use local::user_name;

use crate::{
    backup::{cannot, make, sync},
    cli::{self, Place},
    control::{Answer, Connection, Request},
    erasures,
    serve::open,
    settings::{self, Settings},
};

/// Lines between who finds and who writes.
pub(crate) const QUEUE: usize = 16;
/// Longest password that is read, in bytes.
const LONGEST: u64 = 1024;

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub enum UsersCommand {
    /// Opens an account.
    Create(CreateUserArgs),
    /// Lists accounts, or finds those that are called so.
    List(ListUsersArgs),
    /// Lets another password be valid, read from standard input; ends the token of log-ins.
    SetPassword(NameArgs),
    /// Lets an account work again.
    Activate(NameArgs),
    /// Refuses an account and its tokens.
    Deactivate(NameArgs),
    /// Lets an account do everything.
    MakeSuperuser(NameArgs),
    /// Erases a person for ever; nothing brings them back, also no backup.
    Erase(EraseArgs),
    /// Writes accounts to a CSV file that only its owner may read.
    Export(ExportArgs),
    /// Opens the accounts of a CSV file that are not there yet, with the hashes of their passwords.
    Import(ImportArgs),
}

/// What to do with organizations.
#[derive(Debug, Subcommand)]
pub enum OrgsCommand {
    /// Lists organizations.
    List(PlaceArgs),
    /// Makes an organization.
    Create(CreateOrganizationArgs),
    /// Serves the people and devices of an organization again.
    Activate(SlugArgs),
    /// Serves neither people nor devices of an organization.
    Deactivate(SlugArgs),
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum TokensCommand {
    /// Makes a token for a purpose, and prints it: nobody can tell it again.
    Create(CreateTokenArgs),
    /// Lists the tokens for a purpose of an account.
    List(NameArgs),
    /// Refuses a token for a purpose from here on.
    Revoke(RevokeTokenArgs),
    /// Refuses all tokens of an account from here on.
    RevokeAll(NameArgs),
}

/// Where the installation is, and nothing else.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    #[command(flatten)]
    place: Place,
}

/// An account.
#[derive(Debug, Args)]
pub struct NameArgs {
    #[command(flatten)]
    place: Place,
    /// A user name, an e-mail address, a phone number or an id.
    user: String,
}

/// An organization.
#[derive(Debug, Args)]
pub struct SlugArgs {
    #[command(flatten)]
    place: Place,
    /// The organization's slug or id.
    organization: String,
}

/// `wisptrail users create`.
#[derive(Debug, Args)]
pub struct CreateUserArgs {
    #[command(flatten)]
    place: Place,
    /// What they log in with.
    username: String,
    /// Where mail goes.
    #[arg(long)]
    email: Option<String>,
    /// Reads a password from standard input; without one nobody can log in yet.
    #[arg(long)]
    password: bool,
    /// Lets it do everything.
    #[arg(long)]
    superuser: bool,
    /// Lets it use the administration.
    #[arg(long)]
    staff: bool,
    /// Numbers of its permission groups; 1 is Administrator, 2 is Operator.
    #[arg(long, value_name = "NUMBER")]
    group: Vec<u32>,
    /// Slugs of organizations that it manages.
    #[arg(long, value_name = "SLUG")]
    manages: Vec<String>,
    /// Slugs of organizations that it belongs to.
    #[arg(long, value_name = "SLUG")]
    member_of: Vec<String>,
}

/// `wisptrail users list`.
#[derive(Debug, Args)]
pub struct ListUsersArgs {
    #[command(flatten)]
    place: Place,
    /// A whole user name, e-mail address or phone number.
    called: Option<String>,
}

/// `wisptrail users erase`.
#[derive(Debug, Args)]
pub struct EraseArgs {
    #[command(flatten)]
    place: Place,
    /// A user name, an e-mail address, a phone number or an id; of a closed account the id.
    user: String,
    /// Says that this is meant; without it, only what would be erased is told.
    #[arg(long)]
    yes: bool,
}

/// `wisptrail users export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    place: Place,
    /// Fields to leave out, with commas between.
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    exclude_fields: Vec<String>,
    /// The file, which is replaced; - is standard output.
    #[arg(long, default_value = "openwisp_exported_users.csv", value_name = "FILE")]
    filename: PathBuf,
    /// With the hashes of passwords.
    #[arg(long)]
    with_password_hashes: bool,
}

/// `wisptrail users import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(flatten)]
    place: Place,
    /// What `users export` or OpenWISP's `export_users` wrote.
    file: PathBuf,
    /// Only says what would come of it.
    #[arg(long)]
    dry_run: bool,
}

/// `wisptrail orgs create`.
#[derive(Debug, Args)]
pub struct CreateOrganizationArgs {
    #[command(flatten)]
    place: Place,
    /// Shown to people.
    name: String,
    /// For paths; made of the name where it is left out.
    #[arg(long)]
    slug: Option<String>,
}

/// `wisptrail tokens create`.
#[derive(Debug, Args)]
pub struct CreateTokenArgs {
    #[command(flatten)]
    place: Place,
    /// Whose: a user name, an e-mail address, a phone number or an id.
    user: String,
    /// What it is for.
    name: String,
    /// Nothing can be changed with it.
    #[arg(long)]
    read_only: bool,
    /// Only these permissions, such as `change_device`.
    #[arg(long, value_name = "PERMISSION")]
    permission: Vec<String>,
    /// Only these organizations, by slug.
    #[arg(long, value_name = "SLUG")]
    organization: Vec<String>,
    /// Refused from then on, such as `2030-01-31T00:00:00Z`.
    #[arg(long, value_name = "MOMENT")]
    expires_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// `wisptrail tokens revoke`.
#[derive(Debug, Args)]
pub struct RevokeTokenArgs {
    #[command(flatten)]
    place: Place,
    /// The token's id, as `tokens list` shows it.
    id: uuid::Uuid,
}

/// Runs a command about accounts.
pub async fn users(command: UsersCommand) -> anyhow::Result<ExitCode> {
    let (place, act) = match command {
        UsersCommand::Create(args) => {
            let password = args.password.then(password).transpose()?;
            let act = Act::CreateUser {
                username: args.username,
                email: args.email,
                password,
                superuser: args.superuser,
                staff: args.staff,
                groups: args.group,
                manages: args.manages,
                member_of: args.member_of,
            };
            (args.place, act)
        }
        UsersCommand::List(args) => (args.place, Act::ListUsers { called: args.called }),
        UsersCommand::SetPassword(args) => {
            (args.place, Act::SetPassword { user: args.user, password: password()? })
        }
        UsersCommand::Activate(args) => {
            (args.place, Act::SetActive { user: args.user, active: true })
        }
        UsersCommand::Deactivate(args) => {
            (args.place, Act::SetActive { user: args.user, active: false })
        }
        UsersCommand::MakeSuperuser(args) => (args.place, Act::MakeSuperuser { user: args.user }),
        UsersCommand::Erase(args) => {
            (args.place, Act::EraseUser { user: args.user, dry_run: !args.yes })
        }
        UsersCommand::Export(args) => return export(args).await,
        UsersCommand::Import(args) => return import(args).await,
    };
    run(&place, act).await
}

/// Runs a command about organizations.
pub async fn orgs(command: OrgsCommand) -> anyhow::Result<ExitCode> {
    let (place, act) = match command {
        OrgsCommand::List(args) => (args.place, Act::ListOrganizations),
        OrgsCommand::Create(args) => {
            let slug = args.slug.unwrap_or_else(|| slug(&args.name));
            (args.place, Act::CreateOrganization { name: args.name, slug })
        }
        OrgsCommand::Activate(args) => {
            (args.place, Act::ServeOrganization { slug: args.organization, active: true })
        }
        OrgsCommand::Deactivate(args) => {
            (args.place, Act::ServeOrganization { slug: args.organization, active: false })
        }
    };
    run(&place, act).await
}

/// Runs a command about tokens.
pub async fn tokens(command: TokensCommand) -> anyhow::Result<ExitCode> {
    let (place, act) = match command {
        TokensCommand::Create(args) => {
            let act = Act::CreateToken {
                user: args.user,
                name: args.name,
                read_only: args.read_only,
                permissions: args.permission,
                organizations: args.organization,
                expires_at: args.expires_at,
            };
            (args.place, act)
        }
        TokensCommand::List(args) => (args.place, Act::ListTokens { user: args.user }),
        TokensCommand::Revoke(args) => (args.place, Act::RevokeToken { id: args.id }),
        TokensCommand::RevokeAll(args) => (args.place, Act::RevokeTokens { user: args.user }),
    };
    run(&place, act).await
}

async fn run(place: &Place, act: Act) -> anyhow::Result<ExitCode> {
    let settings = settings::load(place, None, false)?.settings;
    done(&settings, act, &mut |line| cli::print_while_read(line)).await?;
    Ok(ExitCode::SUCCESS)
}

/// Lets the server do it, or does it on the folder; `take` gets the lines of the answer and says whether it wants more.
async fn done(
    settings: &Settings,
    act: Act,
    take: &mut dyn FnMut(&str) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let request = Request::Accounts { act };
    if let Some(mut connection) = Connection::ask(&settings.data.folder, &request).await? {
        while let Some(answer) = connection.next().await? {
            let Answer::Text(line) = answer else {
                bail!("the server's answer is not understood");
            };
            if !take(&line)? {
                break;
            }
        }
        return Ok(());
    }
    let Request::Accounts { act } = request else { return Ok(()) };
    let opened = open::open(settings).await?;
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    for background in opened.app.background(|| stop.clone().cancelled_owned()) {
        tasks.spawn(background.run);
    }
    let listed = opened.folder.path().join(erasures::FILE);
    let outcome = match erasures::apply(&opened.app, &listed).await {
        Ok(_) => alone(&opened.app, &act, take).await,
        Err(error) => Err(error),
    };
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    opened.close().await;
    outcome
}

async fn alone(
    app: &app::App,
    act: &Act,
    take: &mut dyn FnMut(&str) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let by = by(user_name(rustix::process::geteuid().as_raw()));
    // The groups that every installation has: a first account may be put into them.
    app.permission_groups().found(&by).await.context("cannot make the permission groups")?;
    let (tell, mut told) = mpsc::channel(QUEUE);
    let acting = async move { perform(app, &by, act, &tell).await };
    let taking = async {
        while let Some(line) = told.recv().await {
            if !take(&line)? {
                break;
            }
        }
        anyhow::Ok(())
    };
    let (acted, taken) = tokio::join!(acting, taking);
    taken.and(acted)
}

/// Somebody on the machine.
pub(crate) fn by(user: String) -> By {
    By::new(Authority { actor: Actor::Local(user), scope: Scope::Everything }, None)
}

async fn export(args: ExportArgs) -> anyhow::Result<ExitCode> {
    let settings = settings::load(&args.place, None, false)?.settings;
    let mut fields = settings.accounts.export_fields.clone();
    let unknown = args.exclude_fields.iter().find(|field| !fields.contains(field));
    if let Some(field) = unknown {
        bail!("`{field}` is no field of the export: {}", fields.join(", "));
    }
    fields.retain(|field| !args.exclude_fields.contains(field));
    if !args.with_password_hashes {
        fields.retain(|field| field != csv::PASSWORD);
    }
    let act = Act::ExportUsers { fields };
    if args.filename == Path::new("-") {
        done(&settings, act, &mut |line| cli::print_while_read(line)).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let part = part(&args.filename);
    // What an interrupted export left.
    drop(fs::remove_file(&part));
    let mut file = std::io::BufWriter::new(make(&part)?);
    let written = done(&settings, act, &mut |line| {
        file.write_all(line.as_bytes())
            .and_then(|()| file.write_all(b"\r\n"))
            .map_err(|error| cannot("write", &part, error))?;
        Ok(true)
    })
    .await;
    let named = written.and_then(|()| {
        file.flush().map_err(|error| cannot("write", &part, error))?;
        sync(&part)?;
        fs::rename(&part, &args.filename).map_err(|error| cannot("make", &args.filename, error))
    });
    if named.is_err() {
        drop(fs::remove_file(&part));
    }
    named?;
    cli::note(&format!("accounts are in {}", args.filename.display()));
    Ok(ExitCode::SUCCESS)
}

/// Tells each row that is refused, then how many there are of which kind.
async fn import(args: ImportArgs) -> anyhow::Result<ExitCode> {
    let settings = settings::load(&args.place, None, false)?.settings;
    let mut file = Rows::open(&args.file)?;
    let (mut made, mut there, mut refused) = (0_u64, 0_u64, 0_u64);
    while let Some((rows, unreadable)) = file.next()? {
        let mut take = |told: Told| {
            match told.outcome {
                Outcome::Made => made += 1,
                Outcome::There => there += 1,
                Outcome::Refused(why) => {
                    refused += 1;
                    cli::print(&format!("line {}: {why}", told.line))?;
                }
            }
            anyhow::Ok(true)
        };
        for told in unreadable {
            take(told)?;
        }
        if rows.is_empty() {
            continue;
        }
        let act = Act::ImportUsers { rows, dry_run: args.dry_run };
        let read = &mut |line: &str| {
            take(serde_json::from_str(line).context("the server's answer is not understood")?)
        };
        done(&settings, act, read).await?;
    }
    let would = if args.dry_run { "would be " } else { "" };
    cli::print(&format!("{made} {would}made, {there} there already, {refused} refused"))?;
    Ok(if refused > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn part(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    file.with_file_name(name)
}

/// Letters and digits of the name, with dashes between.
fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// One line of standard input; people are asked twice, and see nothing of what they type.
fn password() -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        let first = local::hidden("password: ")?;
        if local::hidden("again: ")? != first {
            bail!("these are two different passwords");
        }
        return Ok(first);
    }
    let mut text = String::new();
    std::io::stdin()
        .take(LONGEST + 2)
        .read_to_string(&mut text)
        .context("cannot read the password from standard input")?;
    let password = text.trim_end_matches(['\n', '\r']);
    if password.is_empty() {
        bail!("give the password on standard input");
    }
    Ok(password.to_owned())
}
