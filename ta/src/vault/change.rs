//! How the vault is opened and changed: one write of one slot, or of every header.

use claviger_proto::{Status, audit::Record};

use super::{
    Note, Vault, header,
    header::Header,
    index::entry_of,
    load,
    moved::{moves, records, told_to},
    open::{Open, SlotNumber, whereabouts},
    slot::{Content, EVENTS, Events, fits, stamp_of},
};
use crate::platform::Platform;

/// Whether storage may do what it has just not done: its helper in the normal world comes back.
pub(super) const fn passes(status: Status) -> bool {
    matches!(status, Status::StorageUnavailable | Status::StorageFault)
}

impl<P: Platform> Vault<P> {
    /// Changes what is in a slot, and has the audit log know; gives the content back.
    pub(super) fn change(
        &mut self,
        platform: &mut P,
        number: SlotNumber,
        content: Content,
        note: Option<Note>,
    ) -> Result<Content, Status> {
        self.expect_changeable(platform)?;
        let (boot, time) = (
            self.opened(platform)?.logs.boot(),
            platform.untrusted_time(),
        );
        let event = note.map(|note| note.record(&content, boot, time));
        self.make_room(platform, number, &content, event.as_ref())?;
        self.prepare_logs(platform, number, event.as_ref(), &content)?;
        let open = self.opened(platform)?;
        let sequence = open.sequence.saturating_add(1);
        let mut events: Events = open.logs.waiting_in(number).take(EVENTS).cloned().collect();
        let Some(mut event) = event.map(|event| Record { sequence, ..event }) else {
            return self.write_slot(platform, number, content, &events);
        };
        if moves(event.event) {
            // The next number is that of its second record.
            open.sequence = sequence;
            if !fits(&content, core::slice::from_ref(&event)) {
                // The longest of old labels, beside the largest of keys.
                event.label = None;
            }
        }
        events.push(event.clone()).map_err(|_| Status::Internal)?;
        let content = self.write_slot(platform, number, content, &events)?;
        self.opened(platform)?.logs.wait(number, &event, &content)?;
        Ok(content)
    }

    /// Makes ready every log that will tell of this event of a slot with this content.
    fn prepare_logs(
        &mut self,
        platform: &mut P,
        number: SlotNumber,
        event: Option<&Record>,
        content: &Content,
    ) -> Result<(), Status> {
        let Some(event) = event else {
            return self.prepare_log(platform, number, None);
        };
        let more = records(event, content).len();
        for to in told_to(event, content) {
            self.prepare_log(platform, number, to)?;
            let of = self.opened(platform)?.logs.log_of(to);
            self.expect_log_room(platform, number, of, (more, 0))?;
        }
        Ok(())
    }

    /// Writes one slot to both copies; gives the content back.
    pub(super) fn write_slot(
        &mut self,
        platform: &mut P,
        number: SlotNumber,
        content: Content,
        events: &[Record],
    ) -> Result<Content, Status> {
        self.expect_changeable(platform)?;
        let open = self.opened(platform)?;
        let sequence = open.sequence.saturating_add(1);
        let (shard, place) = whereabouts(number);
        let bytes = open
            .slot_key
            .seal(shard, place, sequence, &content, events)?;
        // What a ratchet's step leaves behind must be gone in both copies.
        let ratchets = matches!(&content, Content::Key(key) if key.ratchet);
        let written = self.write(
            platform,
            |open| open.settled().is_ok() && (open.is_whole(number) || !ratchets),
            |open, storage| open.write(storage, number, bytes.as_slice()),
        );
        let stamp = stamp_of(&bytes);
        if let Err(error) = written {
            self.in_doubt = Some((number, stamp));
            return Err(error);
        }
        self.known.written = self.known.written.max(sequence);
        let open = self.opened(platform)?;
        open.sequence = open.sequence.max(sequence);
        open.index.wrote(number, stamp);
        open.index.set(number, entry_of(&content));
        Ok(content)
    }

    /// Changes the header and writes it to every copy of every shard.
    pub(super) fn change_header(
        &mut self,
        platform: &mut P,
        change: impl FnOnce(&mut Header),
    ) -> Result<(), Status> {
        self.expect_changeable(platform)?;
        self.change_headers(platform, 0, false, |header| {
            change(header);
            Ok(())
        })
    }

    /// As [`Vault::change_header`], where the shards of `missing` (a bit each) are: of those that
    /// are here; with `anyhow`, of whichever are here.
    pub(super) fn change_headers(
        &mut self,
        platform: &mut P,
        missing: u8,
        anyhow: bool,
        change: impl FnOnce(&mut Header) -> Result<(), Status>,
    ) -> Result<(), Status> {
        let key = header::key(platform)?;
        let open = self.opened(platform)?;
        let mut header = open.header.clone();
        change(&mut header)?;
        header.sequence = header.sequence.saturating_add(1);
        // A new shard is not opened again before the header says that it counts.
        let shards = usize::from(header.shards);
        let vault = header.vault;
        self.write(
            platform,
            // Nor is it another vault, where the change was to reset this one.
            |open| {
                let alike = open.missing == missing && !open.frozen || anyhow;
                alike && open.shards.len() == shards && open.header.vault == vault
            },
            |open, storage| open.write_headers(storage, &key, &header),
        )?;
        self.seen = Some((header.vault, header.sequence));
        self.opened(platform)?.header = header;
        Ok(())
    }

    /// Writes to storage, and where that fails opens the vault anew and writes the same once more,
    /// if it `may_repeat`: OP-TEE holds on to the files of a tee-supplicant that has ended, and it
    /// deletes what it finds corrupt, which opening makes anew.
    ///
    /// # Errors
    /// The status of storage; the vault is closed then.
    pub(super) fn write(
        &mut self,
        platform: &mut P,
        may_repeat: impl Fn(&Open<P::Storage>) -> bool,
        mut write: impl FnMut(&mut Open<P::Storage>, &mut P::Storage) -> Result<(), Status>,
    ) -> Result<(), Status> {
        self.expect_storage()?;
        let mut written = write(self.opened(platform)?, platform.storage());
        if written.is_err_and(|status| passes(status) || status == Status::StorageCorrupt) {
            self.close(platform);
            if let Ok(open) = self.opened(platform)
                && may_repeat(open)
            {
                written = write(open, platform.storage());
            }
        }
        if written.is_err() {
            self.close(platform);
        }
        written
    }

    /// The open vault; opens it, or makes it on a new device.
    pub(super) fn opened(&mut self, platform: &mut P) -> Result<&mut Open<P::Storage>, Status> {
        if self.open.is_none() {
            self.expect_storage()?;
            let loaded = load::load(platform, &mut self.known)?;
            self.known.something = true;
            let reset = core::mem::take(&mut self.known.reset);
            if reset {
                self.known.written = 0;
            }
            self.repairs.add(loaded.repaired);
            // What this instance has seen cannot be unseen.
            let header = &loaded.open.header;
            let seen = (header.vault, header.sequence);
            let before = self.seen.filter(|(vault, _)| !reset || *vault == seen.0);
            if before.is_some_and(|(vault, sequence)| vault != seen.0 || sequence > seen.1) {
                loaded.open.close(platform.storage());
                return Err(Status::StorageRollback);
            }
            self.seen = Some(seen);
            self.open = Some(loaded.open);
            self.opened = self.opened.saturating_add(1);
            // What a failed change left in memory may not be what it left in storage.
            self.cache.clear();
            self.generations.clear();
            self.in_doubt = None;
            let reserved = core::mem::take(&mut self.reserved);
            if before.is_some() {
                self.keep_reserved(platform, reserved);
            }
        }
        self.open.as_mut().ok_or(Status::Internal)
    }

    /// The facts of the whole vault: opens it if need be. What decides by one of them asks here.
    ///
    /// # Errors
    /// The status of opening it; that of [`Open::settled`] while nobody can tell what they are.
    pub(super) fn facts(&mut self, platform: &mut P) -> Result<&Header, Status> {
        self.opened(platform)?.facts()
    }

    /// Has [`Status::NeedsStorage`] stand for whatever would touch storage, until the vault is
    /// released.
    pub(crate) fn confine(&mut self) {
        self.confined = true;
    }

    /// Ends that.
    pub(crate) fn release(&mut self) {
        self.confined = false;
    }

    pub(super) fn expect_storage(&self) -> Result<(), Status> {
        match self.confined {
            true => Err(Status::NeedsStorage),
            false => Ok(()),
        }
    }

    /// # Errors
    /// [`Status::Incomplete`] if a shard is missing, and [`Status::Degraded`] if there is a copy that
    /// can neither be mended nor removed, nor now when it is tried again: it would come back some
    /// day, and undo what was changed without it.
    pub(super) fn expect_changeable(&mut self, platform: &mut P) -> Result<(), Status> {
        self.expect_storage()?;
        if self.opened(platform)?.settled().is_err() {
            self.close(platform);
        }
        self.opened(platform)?.settled()
    }

    /// Forgets what is known of storage. Keys in memory stay.
    pub(super) fn close(&mut self, platform: &mut P) {
        if let Some(mut open) = self.open.take() {
            self.reserved = open.index.take_reserved();
            open.close(platform.storage());
        }
    }
}
