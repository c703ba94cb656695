//! Every path that is served, in one table: the router is made of it, and so is `docs/routes.md`.

use axum::{
    Router,
    routing::{MethodRouter, any},
};

use crate::{ApiState, page};

/// Who a path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// Everybody.
    Everybody,
    /// Devices, with their keys, and those that know an organization's shared secret.
    Agents,
    /// Accounts, with their tokens.
    Accounts,
    /// Whoever watches the program.
    Watchers,
}

impl Audience {
    /// For people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Everybody => "everybody",
            Self::Agents => "agents",
            Self::Accounts => "accounts",
            Self::Watchers => "watchers",
        }
    }
}

/// A path and what may be done there. Where a path ends with a slash, the one without is pointed at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// As axum matches it, such as `/api/v1/controller/device/{id}/`.
    pub path: String,
    /// As the `Allow` header lists them.
    pub methods: &'static str,
    /// Who it is for.
    pub audience: Audience,
}

/// Makes what a route is answered with.
type Make = Box<dyn FnOnce(&ApiState) -> MethodRouter<ApiState>>;

/// Routes with what they are answered with.
#[derive(Default)]
pub(crate) struct Routes(Vec<(Route, Make)>);

impl Routes {
    /// One more.
    pub(crate) fn add(
        mut self,
        route: Route,
        make: impl FnOnce(&ApiState) -> MethodRouter<ApiState> + 'static,
    ) -> Self {
        self.0.push((route, Box::new(make)));
        self
    }

    /// And those.
    pub(crate) fn merge(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// What they are, in the order in which they were added.
    pub(crate) fn listed(self) -> Vec<Route> {
        self.0.into_iter().map(|(route, _)| route).collect()
    }

    /// Serves them, and redirects from paths without their slash.
    pub(crate) fn router(self, state: &ApiState) -> Router<ApiState> {
        self.0.into_iter().fold(Router::new(), |router, (route, make)| {
            let router = router.route(&route.path, make(state));
            match route.path.strip_suffix('/') {
                Some(bare) => router.route(bare, any(page::slash)),
                None => router,
            }
        })
    }
}
