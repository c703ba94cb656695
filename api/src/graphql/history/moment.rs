//! Moments as clients name them.

use std::borrow::Cow;

use app::Moment;
use async_graphql::{
    Context, InputType, InputValueResult, OneofObject, Result, Value, registry::Registry,
};
use chrono::{DateTime, TimeDelta, Utc};

use crate::graphql::{
    error::{failure, refused},
    request::{app, by},
    scalar::Position,
};

/// How far the clocks of clients may be ahead of this one's. Up to there a time to come is now.
const AHEAD: TimeDelta = TimeDelta::minutes(1);

/// A moment that something is looked at.
#[derive(Debug, OneofObject)]
#[graphql(name = "Moment")]
pub(in crate::graphql) enum MomentInput {
    /// After the last event that was recorded at or before this time, RFC 3339. Not in the future.
    Time(Tried<DateTime<Utc>>),
    /// After the event at this position; 0 is before all. Not beyond the end of the log.
    Position(Tried<Position>),
}

impl MomentInput {
    /// The moment that an argument names; left out, it is now.
    pub(in crate::graphql) fn read(
        given: Option<Self>,
        ctx: &Context<'_>,
        field: &str,
    ) -> Result<Moment> {
        match given {
            None => Ok(Moment::Now),
            Some(Self::Time(Tried(Some(time)))) if time > app(ctx)?.world().now() + AHEAD => {
                Err(refused(field, "must not be in the future"))
            }
            Some(Self::Time(Tried(Some(time)))) => Ok(Moment::Time(time)),
            Some(Self::Time(Tried(None))) => {
                Err(refused(field, "is not a time such as 2026-11-21T08:30:00Z"))
            }
            Some(Self::Position(Tried(Some(Position(position))))) => Ok(Moment::Position(position)),
            Some(Self::Position(Tried(None))) => {
                Err(refused(field, "is not a position: a whole number that is not negative"))
            }
        }
    }

    /// The position that an argument stands for.
    pub(in crate::graphql) async fn position(
        given: Option<Self>,
        ctx: &Context<'_>,
        field: &'static str,
    ) -> Result<i64> {
        // Only those who are known learn how far the log has come.
        by(ctx)?;
        let moment = Self::read(given, ctx, field)?;
        moment.resolve(app(ctx)?.store(), field).await.map_err(failure)
    }
}

/// What it costs to look at an object of the past: it is put together from its events.
pub(in crate::graphql) fn cost(given: Option<&MomentInput>, rest: usize) -> usize {
    if given.is_some() { 50 + rest } else { 1 + rest }
}

/// A value of a type that may not have been understood. The resolver says so, by the name of its argument and with a code,
/// which a failure while arguments are parsed has not.
#[derive(Debug)]
pub(in crate::graphql) struct Tried<T>(Option<T>);

impl<T: InputType> InputType for Tried<T> {
    type RawValueType = T;

    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        Ok(Self(T::parse(value).ok()))
    }

    fn to_value(&self) -> Value {
        self.0.as_ref().map_or(Value::Null, InputType::to_value)
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        self.0.as_ref()
    }
}
