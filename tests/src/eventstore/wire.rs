//! Messages of EventStoreDB's published protocol (`streams.proto`, `shared.proto`, `serverfeatures.proto`), as far as they are
//! used. Members of a `oneof` are optional ones here, which is the same on the wire.

use std::collections::HashMap;

use prost::{Message, bytes::Bytes};

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Empty {}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Structured {
    #[prost(int64, tag = "1")]
    pub(super) most: i64,
    #[prost(int64, tag = "2")]
    pub(super) least: i64,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Id {
    #[prost(message, optional, tag = "1")]
    pub(super) structured: Option<Structured>,
    #[prost(string, optional, tag = "2")]
    pub(super) text: Option<String>,
}

impl Id {
    pub(super) fn uuid(&self) -> uuid::Uuid {
        if let Some(Structured { most, least }) = self.structured {
            return uuid::Uuid::from_u64_pair(most.cast_unsigned(), least.cast_unsigned());
        }
        self.text.as_deref().and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    pub(super) fn of(id: uuid::Uuid) -> Self {
        Self { structured: None, text: Some(id.to_string()) }
    }
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct StreamName {
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) name: Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AppendReq {
    #[prost(message, optional, tag = "1")]
    pub(super) options: Option<AppendOptions>,
    #[prost(message, optional, tag = "2")]
    pub(super) proposed: Option<Proposed>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct AppendOptions {
    #[prost(message, optional, tag = "1")]
    pub(super) stream: Option<StreamName>,
    #[prost(uint64, optional, tag = "2")]
    pub(super) revision: Option<u64>,
    #[prost(message, optional, tag = "3")]
    pub(super) no_stream: Option<Empty>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Proposed {
    #[prost(message, optional, tag = "1")]
    pub(super) id: Option<Id>,
    #[prost(map = "string, string", tag = "2")]
    pub(super) metadata: HashMap<String, String>,
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) custom_metadata: Bytes,
    #[prost(bytes = "bytes", tag = "4")]
    pub(super) data: Bytes,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct AppendResp {
    #[prost(message, optional, tag = "1")]
    pub(super) success: Option<Success>,
    #[prost(message, optional, tag = "2")]
    pub(super) wrong: Option<WrongExpectedVersion>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Success {
    #[prost(uint64, optional, tag = "1")]
    pub(super) current_revision: Option<u64>,
    #[prost(message, optional, tag = "4")]
    pub(super) no_position: Option<Empty>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct WrongExpectedVersion {
    #[prost(uint64, optional, tag = "6")]
    pub(super) current_revision: Option<u64>,
    #[prost(message, optional, tag = "7")]
    pub(super) current_no_stream: Option<Empty>,
    #[prost(uint64, optional, tag = "8")]
    pub(super) expected_revision: Option<u64>,
    #[prost(message, optional, tag = "11")]
    pub(super) expected_no_stream: Option<Empty>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct ReadReq {
    #[prost(message, optional, tag = "1")]
    pub(super) options: Option<ReadOptions>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct ReadOptions {
    #[prost(message, optional, tag = "1")]
    pub(super) stream: Option<ReadStream>,
    #[prost(int32, tag = "3")]
    pub(super) direction: i32,
    #[prost(uint64, optional, tag = "5")]
    pub(super) count: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct ReadStream {
    #[prost(message, optional, tag = "1")]
    pub(super) stream: Option<StreamName>,
    #[prost(message, optional, tag = "4")]
    pub(super) end: Option<Empty>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ReadResp {
    #[prost(message, optional, tag = "1")]
    pub(super) event: Option<ReadEvent>,
    #[prost(message, optional, tag = "4")]
    pub(super) not_found: Option<NotFound>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct NotFound {
    #[prost(message, optional, tag = "1")]
    pub(super) stream: Option<StreamName>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ReadEvent {
    #[prost(message, optional, tag = "1")]
    pub(super) event: Option<Recorded>,
    #[prost(uint64, optional, tag = "3")]
    pub(super) commit_position: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Recorded {
    #[prost(message, optional, tag = "1")]
    pub(super) id: Option<Id>,
    #[prost(message, optional, tag = "2")]
    pub(super) stream: Option<StreamName>,
    #[prost(uint64, tag = "3")]
    pub(super) revision: u64,
    #[prost(uint64, tag = "4")]
    pub(super) prepare_position: u64,
    #[prost(uint64, tag = "5")]
    pub(super) commit_position: u64,
    #[prost(map = "string, string", tag = "6")]
    pub(super) metadata: HashMap<String, String>,
    #[prost(bytes = "bytes", tag = "7")]
    pub(super) custom_metadata: Bytes,
    #[prost(bytes = "bytes", tag = "8")]
    pub(super) data: Bytes,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct SupportedMethods {
    #[prost(message, repeated, tag = "1")]
    pub(super) methods: Vec<SupportedMethod>,
    #[prost(string, tag = "2")]
    pub(super) version: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct SupportedMethod {
    #[prost(string, tag = "1")]
    pub(super) method: String,
    #[prost(string, tag = "2")]
    pub(super) service: String,
}
