//! Which topic's records go where, veiled how.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::veil::Veil;

/// The way of one source topic.
#[derive(Clone)]
pub struct Route {
    /// Topic that is read.
    pub source: String,
    /// Topic of the clean records.
    pub target: String,
    /// Topic of the sealed records.
    pub quarantine: String,
    /// How its records are veiled. Routes with the same packs share one.
    pub veil: Arc<Veil>,
}

/// All routes, by source topic.
#[derive(Clone)]
pub struct Routes(BTreeMap<String, Route>);

impl Routes {
    /// Collects routes. Of two routes of one source topic the later wins; the configuration refuses that case.
    pub fn new(routes: impl IntoIterator<Item = Route>) -> Self {
        Self(routes.into_iter().map(|route| (route.source.clone(), route)).collect())
    }

    /// The same routes with veils of their own, for another thread.
    #[must_use]
    pub fn unshared(&self) -> Self {
        let own = |route: &Route| Route { veil: Arc::new(Veil::clone(&route.veil)), ..route.clone() };
        Self(self.0.iter().map(|(source, route)| (source.clone(), own(route))).collect())
    }

    /// The way of this topic's records.
    pub fn of(&self, topic: &str) -> Option<&Route> {
        self.0.get(topic)
    }

    /// Every route, by name of its source topic.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.values()
    }
}
