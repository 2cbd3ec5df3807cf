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

    /// The same routes with veils of their own, for another thread. Routes that share a veil share its copy: each takes
    /// memory for its caches.
    #[must_use]
    pub fn unshared(&self) -> Self {
        let mut copies: BTreeMap<*const Veil, Arc<Veil>> = BTreeMap::new();
        Self::new(self.iter().map(|route| {
            let copy = || Arc::new(Veil::clone(&route.veil));
            let veil = Arc::clone(copies.entry(Arc::as_ptr(&route.veil)).or_insert_with(copy));
            Route { veil, ..route.clone() }
        }))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::library::Library;
    use crate::veil::Choice;

    #[test]
    fn a_copy_is_shared_as_its_original_is() {
        let library = Library::shipped();
        let mut loader = library.loader(&library);
        let packs: Vec<_> = library.packs.iter().map(|files| loader.parse(files).unwrap()).collect();
        let veil = |pack| Arc::new(Veil::new(&packs, &Choice::new(pack)).unwrap());
        let (nginx, json) = (veil("nginx"), veil("generic-json"));
        let route = |source: &str, veil: &Arc<Veil>| Route {
            source: source.to_owned(),
            target: "clean".to_owned(),
            quarantine: "quarantine".to_owned(),
            veil: Arc::clone(veil),
        };
        let routes = Routes::new([route("a", &nginx), route("b", &json), route("c", &nginx)]).unshared();
        let of = |source| &routes.of(source).unwrap().veil;
        assert!(Arc::ptr_eq(of("a"), of("c")) && !Arc::ptr_eq(of("a"), of("b")));
        assert!(!Arc::ptr_eq(of("a"), &nginx) && of("b").version() == json.version());
    }
}
