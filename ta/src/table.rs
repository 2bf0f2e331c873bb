//! A bounded table whose places are shared out: nobody fills it for the others.
//!
//! Every table that callers fill is one of these: sessions, the keys in memory, what waits for an
//! answer, for components or for shares, and what was refused.
//!
//! - **Who counts as one** is a [`Holder`]: uid 0, each identity that owns a key, all groups
//!   together, and all the others together. A user has as many identities as he has groups, and as
//!   many subordinate uids as he was given; more identities give him no more places.
//! - **A share** of the places is each holder's, whoever came first. Above his share a holder uses
//!   what is free.
//! - **When all is taken**, one who has less than his share gets a place of the holder that has
//!   most, of those above their share; one who has his share or more gets one of a holder that has
//!   more than he would have then, or gives up one of his own. Of the holder that gives way it is
//!   the identity with most, and its place that was not used for longest. Nobody is pushed below
//!   his share.
//! - **Some places are uid 0's**: nobody else gets them.
//!
//! What is pushed out or taken out is dropped where it is, so that it wipes itself there, and
//! nothing that stays is moved.

use alloc::vec::Vec;

use claviger_proto::{Identity, Login, Status};

use crate::platform::set_aside;

/// How a table's places are shared out.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Places in all.
    pub places: usize,
    /// Places of one holder that no other takes.
    pub share: usize,
    /// Of all groups together.
    pub groups: usize,
    /// Places that only uid 0 gets.
    pub root: usize,
    /// Places of one identity at most: one more displaces its own.
    pub identity: usize,
}

/// Who holds places, and counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The user 0.
    Root,
    /// An identity with a claim of its own: a user who owns a key, in most tables.
    Owner(Identity),
    /// All groups.
    Groups,
    /// All others.
    Others,
}

impl Holder {
    /// As whom an identity holds places; nobody in particular is one of the others.
    #[must_use]
    pub fn of(identity: Option<Identity>, owns_keys: bool) -> Holder {
        match identity {
            Some(Identity::ADMINISTRATOR) => Holder::Root,
            Some(group) if group.login == Login::Group => Holder::Groups,
            Some(user) if owns_keys => Holder::Owner(user),
            _ => Holder::Others,
        }
    }
}

/// A place that was given, for as long as it is not another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Which place.
    pub place: usize,
    /// No two things ever have the same.
    number: u64,
}

struct Kept<T> {
    holder: Holder,
    whose: Option<Identity>,
    number: u64,
    /// The clock when it was last used.
    used: u64,
    value: T,
}

/// The table.
pub struct Table<T> {
    rules: Rules,
    places: Vec<Option<Kept<T>>>,
    clock: u64,
}

impl<T> Table<T> {
    /// An empty one, which takes no memory yet.
    #[must_use]
    pub const fn new(rules: Rules) -> Self {
        Table {
            rules,
            places: Vec::new(),
            clock: 0,
        }
    }

    /// Sets its memory aside.
    ///
    /// # Errors
    /// [`Status::OutOfMemory`].
    pub fn ready(&mut self) -> Result<(), Status> {
        if self.places.len() < self.rules.places {
            set_aside(&mut self.places, self.rules.places)?;
            self.places.resize_with(self.rules.places, || None);
        }
        Ok(())
    }

    /// Which place one more of this identity would get: a free one, or one whose value
    /// [`Table::put`] pushes out.
    ///
    /// # Errors
    /// [`Status::Busy`] if nobody has to give way; [`Status::OutOfMemory`].
    pub fn place_for(&mut self, holder: Holder, whose: Option<Identity>) -> Result<usize, Status> {
        self.ready()?;
        let own = |kept: &Kept<T>| kept.whose == whose;
        if self.count(own) >= self.rules.identity {
            return self.oldest(own).ok_or(Status::Busy);
        }
        let root = holder == Holder::Root;
        let others = self.count(|kept| kept.holder != Holder::Root);
        let for_others = self.rules.places.saturating_sub(self.rules.root);
        let free = self.places.iter().position(Option::is_none);
        if let Some(place) = free.filter(|_| root || others < for_others) {
            return Ok(place);
        }
        // Whoever has his share asks for more than that: it is taken of who has more still.
        let mine = self.held(holder);
        let spared = match mine < self.share(holder) {
            true => 0,
            false => mine.saturating_add(1),
        };
        let giver = self.most(|other| self.held(other) > self.share(other).max(spared));
        let giver = giver.or((mine > 0).then_some(holder)).ok_or(Status::Busy)?;
        self.giving_way(giver).ok_or(Status::Busy)
    }

    /// As [`Table::place_for`], where nothing is lost that cannot be had again: where nobody has to
    /// give way, the holder does that has most.
    ///
    /// # Errors
    /// [`Status::OutOfMemory`].
    pub fn place_in_cache_for(
        &mut self,
        holder: Holder,
        whose: Option<Identity>,
    ) -> Result<usize, Status> {
        match self.place_for(holder, whose) {
            Err(Status::Busy) => self
                .most(|other| other != Holder::Root)
                .and_then(|giver| self.giving_way(giver))
                .ok_or(Status::Internal),
            place => place,
        }
    }

    /// Puts a value in a place that [`Table::place_for`] named. What is there goes.
    ///
    /// # Errors
    /// [`Status::Internal`] if there is no such place.
    pub fn put(
        &mut self,
        place: usize,
        holder: Holder,
        whose: Option<Identity>,
        value: T,
    ) -> Result<Ticket, Status> {
        let number = self.tick();
        let to = self.places.get_mut(place).ok_or(Status::Internal)?;
        *to = None;
        *to = Some(Kept {
            holder,
            whose,
            number,
            used: number,
            value,
        });
        Ok(Ticket { place, number })
    }

    /// [`Table::place_for`] and [`Table::put`].
    ///
    /// # Errors
    /// Those of both.
    pub fn insert(
        &mut self,
        holder: Holder,
        whose: Option<Identity>,
        value: T,
    ) -> Result<Ticket, Status> {
        let place = self.place_for(holder, whose)?;
        self.put(place, holder, whose, value)
    }

    /// As [`Table::place_for`], where `holder` says as whom an identity holds places by now: it may
    /// have got its first key since, or deleted its last.
    ///
    /// # Errors
    /// Those of [`Table::place_for`].
    pub fn place_by(
        &mut self,
        whose: Option<Identity>,
        holder: impl Fn(Option<Identity>) -> Holder,
    ) -> Result<usize, Status> {
        let for_others = self.rules.places.saturating_sub(self.rules.root);
        if self.count(|_| true) >= for_others {
            self.regroup(&holder);
        }
        self.place_for(holder(whose), whose)
    }

    /// Whether what was put there is there still.
    #[must_use]
    pub fn has(&self, ticket: &Ticket) -> bool {
        let kept = self.places.get(ticket.place).and_then(Option::as_ref);
        kept.is_some_and(|kept| kept.number == ticket.number)
    }

    /// The first that is `wanted`; marks it as used.
    pub fn find(&mut self, wanted: impl Fn(&T) -> bool) -> Option<usize> {
        let is = |kept: &Option<Kept<T>>| kept.as_ref().is_some_and(|kept| wanted(&kept.value));
        let place = self.places.iter().position(is)?;
        self.touch(place);
        Some(place)
    }

    /// Marks what is in a place as used now.
    pub fn touch(&mut self, place: usize) {
        let now = self.tick();
        if let Some(Some(kept)) = self.places.get_mut(place) {
            kept.used = now;
        }
    }

    /// What is in a place.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&T> {
        Some(&self.places.get(place)?.as_ref()?.value)
    }

    /// What is in a place, to be changed.
    pub fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        Some(&mut self.places.get_mut(place)?.as_mut()?.value)
    }

    /// Everything, in the order of the places.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().flatten().map(|kept| &kept.value)
    }

    /// Everything, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().flatten().map(|kept| &mut kept.value)
    }

    /// Ends what is in a place.
    pub fn end(&mut self, place: usize) {
        if let Some(place) = self.places.get_mut(place) {
            *place = None;
        }
    }

    /// Ends what is not to stay.
    pub fn retain(&mut self, stays: impl Fn(&T) -> bool) {
        for place in &mut self.places {
            if place.as_ref().is_some_and(|kept| !stays(&kept.value)) {
                *place = None;
            }
        }
    }

    /// Has everything be held as `holder` says by now.
    pub fn regroup(&mut self, holder: impl Fn(Option<Identity>) -> Holder) {
        for kept in self.places.iter_mut().flatten() {
            kept.holder = holder(kept.whose);
        }
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Ends everything, and gives the memory back.
    pub fn clear(&mut self) {
        self.places = Vec::new();
    }

    fn tick(&mut self) -> u64 {
        self.clock = self.clock.saturating_add(1);
        self.clock
    }

    fn share(&self, holder: Holder) -> usize {
        match holder {
            Holder::Groups => self.rules.groups,
            Holder::Root => self.rules.share.max(self.rules.root),
            Holder::Owner(_) | Holder::Others => self.rules.share,
        }
    }

    fn count(&self, counts: impl Fn(&Kept<T>) -> bool) -> usize {
        let kept = self.places.iter().flatten();
        kept.filter(|kept| counts(kept)).count()
    }

    fn held(&self, holder: Holder) -> usize {
        self.count(|kept| kept.holder == holder)
    }

    /// Of the holders that may be asked, the one that holds most.
    fn most(&self, may_be: impl Fn(Holder) -> bool) -> Option<Holder> {
        let holders = self.places.iter().flatten().map(|kept| kept.holder);
        holders
            .filter(|holder| may_be(*holder))
            .max_by_key(|holder| self.held(*holder))
    }

    /// Which of a holder's places is given up: the oldest of its identity that has most.
    fn giving_way(&self, holder: Holder) -> Option<usize> {
        let theirs = |whose| move |kept: &Kept<T>| kept.holder == holder && kept.whose == whose;
        let places = self.places.iter().flatten();
        let identities = places.filter(|kept| kept.holder == holder);
        let most = identities.max_by_key(|kept| self.count(theirs(kept.whose)))?;
        self.oldest(theirs(most.whose))
    }

    fn oldest(&self, of: impl Fn(&Kept<T>) -> bool) -> Option<usize> {
        let places = self.places.iter().enumerate();
        let kept = places.filter_map(|(place, kept)| Some((place, kept.as_ref()?)));
        kept.filter(|(_, kept)| of(kept))
            .min_by_key(|(_, kept)| kept.used)
            .map(|(place, _)| place)
    }
}

#[cfg(test)]
mod tests;
