//! A visit: somebody's doings on one system from beginning to end, with one session, from one address.

use super::devices::Device;
use super::dice::Dice;
use super::shapes::{Play, Shapes};
use super::world::{Address, BASE62, HEX, Person, SERVERS, Stranger, World};
use data_encoding::{BASE64, BASE64URL_NOPAD};

/// In which capacity somebody appears, and with which device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A person at a desk.
    Desk,
    /// A person with a telephone.
    Phone,
    /// A person's program on a server.
    Shell,
    /// Somebody without an account.
    Stranger,
}

/// What a visit's lines have in common.
pub(super) struct Visit {
    role: Role,
    /// Index of the person; for a stranger, of whom they are after.
    person: usize,
    /// Index of somebody whom the lines mention besides.
    other: usize,
    stranger: usize,
    proxy: usize,
    place: usize,
    /// Who they say they are.
    pub(super) login: String,
    pub(super) session: String,
    pub(super) token: String,
    pub(super) jwt: String,
    pub(super) basic: String,
    pub(super) began_ms: i64,
    pub(super) server: usize,
    pub(super) port: u64,
    pub(super) pid: u64,
    pub(super) number: u64,
    /// The templates still to come, by their index.
    plan: std::vec::IntoIter<usize>,
}

impl Visit {
    /// Begins a visit of somebody, the active more often.
    pub(super) fn begin(world: &World, shapes: &Shapes, began_ms: i64, dice: &mut Dice) -> Self {
        let play = dice.pick(&shapes.plays);
        let person = world.by_activity.draw(dice);
        let stranger = world.by_persistence.draw(dice);
        let whom = &world.people[person];
        let login = match play.role {
            Role::Desk | Role::Phone | Role::Shell => whom.login.clone(),
            Role::Stranger => (*dice.pick(&world.strangers[stranger].tries)).to_owned(),
        };
        let secret = dice.letters(BASE62, 14);
        Self {
            role: play.role,
            person,
            other: world.by_activity.draw(dice),
            stranger,
            proxy: dice.index(world.proxies.len()),
            place: dice.index(1 + whom.elsewhere.len()),
            session: dice.letters(HEX, 32),
            token: dice.letters(BASE62, 40),
            jwt: jwt(whom, began_ms, dice),
            basic: BASE64.encode(format!("{login}:{secret}").as_bytes()),
            login,
            began_ms,
            server: dice.index(SERVERS.len()),
            port: dice.between(32_768..=60_999),
            pid: dice.between(700..=99_999),
            number: dice.between(1..=9_999),
            plan: plan(play, dice).into_iter(),
        }
    }

    /// The index of the next template; `None` once the visit is over.
    pub(super) fn advance(&mut self) -> Option<usize> {
        self.plan.next()
    }

    /// What a gateway keys the visit's records by.
    pub(super) fn key<'w>(&self, world: &'w World) -> &'w str {
        match self.role {
            Role::Desk | Role::Phone | Role::Shell => &self.person(world).user_id,
            Role::Stranger => &self.stranger(world).address.plain,
        }
    }

    pub(super) fn person<'w>(&self, world: &'w World) -> &'w Person {
        &world.people[self.person]
    }

    pub(super) fn other<'w>(&self, world: &'w World) -> &'w Person {
        &world.people[self.other]
    }

    fn stranger<'w>(&self, world: &'w World) -> &'w Stranger {
        &world.strangers[self.stranger]
    }

    pub(super) fn proxy<'w>(&self, world: &'w World) -> &'w Address {
        &world.proxies[self.proxy]
    }

    pub(super) fn address<'w>(&self, world: &'w World) -> &'w Address {
        match self.role {
            Role::Desk | Role::Phone | Role::Shell => self.person(world).address(self.place),
            Role::Stranger => &self.stranger(world).address,
        }
    }

    /// The person's device; that of a stranger's victim.
    pub(super) fn device<'w>(&self, world: &'w World) -> &'w Device {
        let devices = &self.person(world).devices;
        match self.role {
            Role::Desk | Role::Stranger => &devices.desk,
            Role::Phone => &devices.phone,
            Role::Shell => &devices.shell,
        }
    }

    pub(super) fn agent<'w>(&self, world: &'w World) -> &'w str {
        match self.role {
            Role::Desk | Role::Phone | Role::Shell => &self.device(world).agent,
            Role::Stranger => &self.stranger(world).agent,
        }
    }
}

/// What happens: the beginning, some turns, the end.
fn plan(play: &Play, dice: &mut Dice) -> Vec<usize> {
    let turns = if play.middle.is_empty() { 0 } else { dice.between(play.turns.clone()) };
    let mut plan: Vec<usize> = play.opening.clone().collect();
    for _ in 0..turns {
        plan.extend(dice.pick(&play.middle).clone());
    }
    plan.extend(play.closing.clone());
    plan
}

/// A JSON Web Token (RFC 7519) of invented claims. Its signature is random: nobody signed it.
fn jwt(person: &Person, issued_ms: i64, dice: &mut Dice) -> String {
    const SIGNATURE_LEN: usize = 43;
    let issued = issued_ms.div_euclid(1000);
    let claims = format!(
        r#"{{"iss":"https://id.example.com","sub":"{}","email":"{}","iat":{issued},"exp":{}}}"#,
        person.user_id,
        person.email,
        issued.saturating_add(3600)
    );
    let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    format!("{}.{}.{}", encode(r#"{"alg":"HS256","typ":"JWT"}"#), encode(&claims), dice.letters(BASE62, SIGNATURE_LEN))
}
