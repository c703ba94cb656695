//! The operations of a connection, and their answers as they come, each in its turn.

use std::collections::HashMap;

use async_graphql::Response;
use futures::{
    StreamExt as _,
    future::{AbortHandle, Abortable, ready},
    stream::{BoxStream, SelectAll, once},
};

use super::{progress::Progress, sockets::Open};

/// Operations of a connection at a time.
pub(super) const MOST: usize = 50;

/// Why an operation cannot begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// There is one with the same id.
    SameId,
    /// There are as many as there may be.
    TooMany,
}

/// What an operation gives.
pub(super) enum Given {
    /// An answer, and the operation's id.
    Answer(String, Box<Response>),
    /// The end of the operation with this id.
    End(String),
    /// Something that nobody wants any more.
    Nothing,
}

struct Operation {
    number: u64,
    abort: AbortHandle,
    progress: Progress,
    _open: Open,
}

/// The operations of a connection.
#[derive(Default)]
pub(super) struct Operations {
    by_id: HashMap<String, Operation>,
    ids: HashMap<u64, String>,
    begun: u64,
    answers: SelectAll<BoxStream<'static, (u64, Option<Response>)>>,
}

impl Operations {
    /// May one with this id begin?
    pub(super) fn check(&self, id: &str) -> Result<(), Refused> {
        if self.by_id.contains_key(id) {
            return Err(Refused::SameId);
        }
        if self.by_id.len() >= MOST { Err(Refused::TooMany) } else { Ok(()) }
    }

    /// One more, whose answers are these.
    pub(super) fn begin(
        &mut self,
        id: String,
        progress: Progress,
        answers: BoxStream<'static, Response>,
    ) {
        let (abort, registration) = AbortHandle::new_pair();
        self.begun += 1;
        let number = self.begun;
        let answers = Abortable::new(answers, registration)
            .map(move |answer| (number, Some(answer)))
            .chain(once(ready((number, None))));
        self.answers.push(answers.boxed());
        self.ids.insert(number, id.clone());
        self.by_id.insert(id, Operation { number, abort, progress, _open: Open::operation() });
    }

    /// The client wants no more of it, or it failed.
    pub(super) fn end(&mut self, id: &str) {
        if let Some(operation) = self.by_id.remove(id) {
            self.ids.remove(&operation.number);
            operation.abort.abort();
        }
    }

    /// What one of them gives; waits while there is none.
    pub(super) async fn next(&mut self) -> Given {
        let Some((number, answer)) = self.answers.next().await else {
            return std::future::pending().await;
        };
        let Some(id) = self.ids.get(&number).cloned() else { return Given::Nothing };
        if let Some(answer) = answer {
            return Given::Answer(id, Box::new(answer));
        }
        self.end(&id);
        Given::End(id)
    }

    /// The position after which nothing of any operation is lost.
    pub(super) fn resume_after(&self) -> Option<i64> {
        self.by_id.values().filter_map(|operation| operation.progress.lowest()).min()
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, stream};

    use super::*;

    fn answer() -> Response {
        Response::new(async_graphql::Value::Null)
    }

    fn given(operations: &mut Operations) -> Option<String> {
        match operations.next().now_or_never()? {
            Given::Answer(id, _) => Some(id),
            Given::End(id) => Some(format!("end of {id}")),
            Given::Nothing => Some(String::new()),
        }
    }

    #[test]
    fn an_operation_gives_its_answers_and_ends() {
        let mut operations = Operations::default();
        assert_eq!(given(&mut operations), None);
        let answers = stream::iter([answer(), answer()]).boxed();
        operations.begin("a".to_owned(), Progress::default(), answers);
        assert_eq!(operations.check("a"), Err(Refused::SameId));
        let all = [0; 3].map(|_| given(&mut operations).unwrap());
        assert_eq!(all, ["a", "a", "end of a"]);
        assert_eq!(operations.check("a"), Ok(()));
        assert_eq!(given(&mut operations), None);
    }

    #[test]
    fn nobody_is_left_out() {
        let mut operations = Operations::default();
        for id in ["a", "b"] {
            let answers = stream::repeat_with(answer).boxed();
            operations.begin(id.to_owned(), Progress::default(), answers);
        }
        let some: Vec<_> = (0..20).filter_map(|_| given(&mut operations)).collect();
        assert!(some.iter().any(|id| id == "a") && some.iter().any(|id| id == "b"), "{some:?}");
        operations.end("a");
        let rest: Vec<_> = (0..20).filter_map(|_| given(&mut operations)).collect();
        assert!(rest.iter().all(|id| id != "a" && id != "end of a"), "{rest:?}");
    }

    #[test]
    fn there_are_only_so_many() {
        let mut operations = Operations::default();
        for number in 0..MOST {
            let id = number.to_string();
            assert_eq!(operations.check(&id), Ok(()));
            operations.begin(id, Progress::default(), stream::pending().boxed());
        }
        assert_eq!(operations.check("more"), Err(Refused::TooMany));
        operations.end("0");
        assert_eq!(operations.check("more"), Ok(()));
    }

    #[test]
    fn the_slowest_field_decides_where_to_go_on() {
        let mut operations = Operations::default();
        assert_eq!(operations.resume_after(), None);
        for (id, positions) in [("a", &[7, 5][..]), ("b", &[6]), ("c", &[])] {
            let progress = Progress::default();
            for position in positions {
                progress.slot().reached(*position);
            }
            operations.begin(id.to_owned(), progress, stream::pending().boxed());
        }
        assert_eq!(operations.resume_after(), Some(5));
        operations.end("a");
        assert_eq!(operations.resume_after(), Some(6));
    }
}
