//! Whose rows the statements of a task reach: a second net under the conditions in the statements, spread by PostgreSQL
//! (row-level security).
//!
//! The edge gives each request a reach of its own, and whoever learns who is asking narrows it. Statements that ask for the
//! sake of a rule (is a name taken?) say so with [`Query::whole`]; all others see what their request reaches and nothing
//! else, whatever their conditions say. Work that no request asked for has no reach and sees everything.

use std::{cell::RefCell, sync::Arc};

use uuid::Uuid;

use crate::{Op, Query};

tokio::task_local! {
    /// Organizations with commas between, as the policies read them; none is all.
    static REACH: RefCell<Option<Arc<str>>>;
}

/// Runs a request; what it asks is narrowed from [`narrow`] on.
pub async fn watched<F: Future>(request: F) -> F::Output {
    REACH.scope(RefCell::new(None), request).await
}

/// From here on the request sees rows of these organizations; none is all of them. Nothing outside of a request.
pub fn narrow(organizations: Option<&[Uuid]>) {
    let text = organizations.map(|ids| {
        let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
        Arc::from(ids.join(","))
    });
    // Outside of a request there is nothing to narrow.
    drop(REACH.try_with(|reach| reach.replace(text)));
}

/// What bounds a statement; none sees all.
pub(crate) fn of(query: &Query) -> Option<Arc<str>> {
    if query.whole { None } else { REACH.try_with(|reach| reach.borrow().clone()).ok().flatten() }
}

/// Narrows the transaction that it is run in, from the next statement on.
pub(crate) const NARROW: &str =
    "SELECT set_config('role', 'wisptrail_reader', true), set_config('wisptrail.reach', $1, true)";
/// Widens it again.
pub(crate) const WIDEN: &str = "SELECT set_config('role', 'none', true)";

/// Gives every table with an owner its policy, and the role that the policies bind: as often as wanted, also after tables were
/// put in the place of others. The owner of the tables is not bound, so that writing costs nothing.
///
/// Memberships have none: whoever may change an account is decided by all of them. The account itself has one.
pub(crate) fn spread() -> Op {
    Op::new(SPREAD, Vec::new())
}

const SPREAD: &str = r"DO $spread$
DECLARE
    place record;
    mine constant text := 'string_to_array(current_setting(''wisptrail.reach'', true), '','')::uuid[]';
BEGIN
    PERFORM pg_advisory_xact_lock(7723942181);
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'wisptrail_reader') THEN
        BEGIN
            CREATE ROLE wisptrail_reader NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- by another database of the server
        END;
    END IF;
    IF NOT pg_has_role(current_user, 'wisptrail_reader', 'MEMBER') THEN
        EXECUTE format('GRANT wisptrail_reader TO %I', current_user);
    END IF;
    FOR place IN
        SELECT c.oid, c.relname FROM pg_class c
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
            AND NOT has_table_privilege('wisptrail_reader', c.oid, 'SELECT')
    LOOP
        EXECUTE format('GRANT SELECT ON %I TO wisptrail_reader', place.relname);
    END LOOP;
    FOR place IN
        SELECT c.relname,
            CASE c.relname
                WHEN 'organizations' THEN 'id = ANY (' || mine || ')'
                WHEN 'users' THEN 'NOT superuser AND EXISTS (SELECT 1 FROM user_memberships m WHERE m.user_id = users.id AND m.organization_id = ANY (' || mine || '))'
                ELSE '(organization_id IS NULL OR organization_id = ANY (' || mine || '))'
            END AS rule
        FROM pg_class c
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
            AND (c.relname IN ('organizations', 'users')
                OR EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped))
            AND c.relname NOT IN ('events', 'jobs', 'blobs', 'data_keys', 'claims', 'user_memberships')
            AND NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'wisptrail_reach')
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', place.relname);
        EXECUTE format('CREATE POLICY wisptrail_reach ON %I FOR SELECT TO wisptrail_reader USING (%s)', place.relname, place.rule);
    END LOOP;
END
$spread$";

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(query: &Query) -> Option<String> {
        of(query).map(|reach| reach.to_string())
    }

    #[tokio::test]
    async fn a_request_reaches_what_it_was_narrowed_to() {
        let (own, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let query = || Query::new("SELECT 1", Vec::new());
        narrow(Some(&[own]));
        assert_eq!(seen(&query()), None, "there is no request");
        let one = watched(async {
            assert_eq!(seen(&query()), None, "nobody knows who it is yet");
            narrow(Some(&[own, other]));
            let other_one = watched(async { seen(&query()) }).await;
            assert_eq!(other_one, None, "each has its own");
            assert_eq!(seen(&query()), Some(format!("{own},{other}")));
            assert_eq!(seen(&query().whole()), None, "a rule asks");
            narrow(Some(&[]));
            assert_eq!(seen(&query()).as_deref(), Some(""));
            narrow(None);
            seen(&query())
        });
        assert_eq!(one.await, None, "everything is in reach");
    }
}
