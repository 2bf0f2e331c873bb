//! The service: one instance of the trusted application, whatever it runs on.

use claviger_proto::{
    Command, Digits, Status,
    command::{FROM_MEMORY, Request},
};

use crate::{
    ceremonies::Ceremonies,
    challenge::Challenges,
    exchange::{Exchange, Payload, SharedMemory},
    keyring::Keyring,
    nonces::Nonces,
    ops,
    platform::{Platform, random},
    refusals::{Named, Refusals, is_refusal},
    session::{Caller, Session, Sessions},
};

/// One instance of the trusted application.
pub struct Service<P: Platform> {
    pub(crate) platform: P,
    pub(crate) keyring: Keyring<P>,
    pub(crate) challenges: Challenges,
    pub(crate) ceremonies: Ceremonies,
    pub(crate) nonces: Nonces,
    pub(crate) refusals: Refusals,
    /// What the request that was refused last named.
    named: Named,
    sessions: Sessions,
    pub(crate) instance: Digits<16>,
    pub(crate) confirmation: Digits<4>,
}

/// One operation: what stands behind a command.
type Operation<P, R> =
    fn(&mut Service<P>, &mut Session, R, &mut Payload) -> Result<<R as Request>::Response, Status>;

impl<P: Platform> Service<P> {
    /// Starts an instance. Storage is not touched before a command needs it.
    ///
    /// # Errors
    /// [`Status::RandomFailed`].
    pub fn new(mut platform: P) -> Result<Self, Status> {
        Ok(Service {
            instance: Digits(random(&mut platform)?),
            confirmation: Digits(random(&mut platform)?),
            keyring: Keyring::default(),
            challenges: Challenges::default(),
            ceremonies: Ceremonies::default(),
            nonces: Nonces::default(),
            refusals: Refusals::default(),
            named: None,
            sessions: Sessions::default(),
            platform,
        })
    }

    /// Begins a session.
    ///
    /// # Errors
    /// As [`Sessions::open`].
    pub fn open(&mut self, caller: Caller) -> Result<Session, Status> {
        let vault = &mut self.keyring.vault;
        if !vault.is_open() && !self.sessions.is_roomy(caller, |whose| vault.holder(whose)) {
            // Only then it says who owns keys. Where it cannot be opened nobody knows.
            let _unknown = vault.id(&mut self.platform);
        }
        let knows = vault.is_open();
        self.sessions
            .open(caller, knows, |whose| vault.holder(whose))
    }

    /// Ends a session.
    pub fn close(&mut self, session: &Session) {
        self.sessions.close(session);
    }

    /// Serves one call: takes the request out of `memory` and leaves the reply in `exchange`.
    /// Whatever the bytes are, there is a reply; a refusal leaves the request's header and payload
    /// where they are.
    pub fn process(
        &mut self,
        session: &mut Session,
        command_id: u32,
        exchange: &mut Exchange,
        memory: &impl SharedMemory,
    ) {
        self.ceremonies.sweep(&mut self.platform);
        if let Err(displaced) = self.sessions.serve(session) {
            return exchange.refuse(displaced);
        }
        let from_memory = command_id & FROM_MEMORY != 0;
        let served = Command::from_id(command_id & !FROM_MEMORY).and_then(|command| {
            exchange.receive(memory)?;
            match from_memory {
                true => self.serve_from_memory(session, command, exchange),
                false => self.serve_in_full(session, command, exchange),
            }
        });
        if let Err(status) = served {
            exchange.refuse(status);
        }
    }

    fn serve_in_full(
        &mut self,
        session: &mut Session,
        command: Command,
        exchange: &mut Exchange,
    ) -> Result<(), Status> {
        let allowed = session.caller.may(command.access());
        let served = allowed.and_then(|()| self.serve(session, command, exchange));
        let served = served.map_err(|status| self.told(status));
        let named = self.named.take();
        if let Err(status) = served {
            self.refused(session, command, status, named);
        }
        // What only uses a key writes for nobody else: it may need no storage, and there may be none.
        let of = session.caller.identity().ok();
        let of = of.filter(|_| command.is_served_from_memory());
        let (keyring, platform) = (&mut self.keyring, &mut self.platform);
        self.refusals.write(keyring, platform, of);
        self.keyring.vault.record_repairs(&mut self.platform);
        served
    }

    /// Serves without storage, or does nothing ([`FROM_MEMORY`]); nothing while there is anything of
    /// this caller's to record, or of the store's.
    fn serve_from_memory(
        &mut self,
        session: &mut Session,
        command: Command,
        exchange: &mut Exchange,
    ) -> Result<(), Status> {
        if !command.is_served_from_memory() {
            return Err(Status::NeedsStorage);
        }
        session.caller.may(command.access())?;
        let (vault, platform) = (&mut self.keyring.vault, &mut self.platform);
        let caller = session.caller.identity();
        let due = caller.is_ok_and(|caller| self.refusals.is_due(platform, caller));
        if due || vault.has_repairs_to_record(platform) {
            return Err(Status::NeedsStorage);
        }
        vault.confine();
        let served = self.serve(session, command, exchange);
        self.keyring.vault.release();
        let named = self.named.take();
        match served {
            // Nobody is to learn which keys of others are there, and in memory.
            Err(Status::NeedsStorage | Status::NotFound) => Err(Status::NeedsStorage),
            Err(status) => {
                self.refused(session, command, status, named);
                Err(status)
            }
            Ok(()) => Ok(()),
        }
    }

    /// What a caller is told. In a vault of which a part is held back, who has no part in a key
    /// is told the same as if it might be there.
    pub(crate) fn told(&self, status: Status) -> Status {
        match status {
            Status::NotFound => self.keyring.vault.absence(),
            status => status,
        }
    }

    /// Counts a refusal for the audit log, if this status is one.
    pub(crate) fn refused(
        &mut self,
        session: &Session,
        command: Command,
        status: Status,
        named: Named,
    ) {
        if let Ok(caller) = session.caller.identity()
            && is_refusal(status)
        {
            let (vault, platform) = (&self.keyring.vault, &mut self.platform);
            let what = (command, status);
            self.refusals.count(vault, platform, caller, what, named);
        }
    }

    fn serve(
        &mut self,
        session: &mut Session,
        command: Command,
        exchange: &mut Exchange,
    ) -> Result<(), Status> {
        match command {
            Command::Info => self.run(session, exchange, ops::info),
            Command::SelfTest => self.run(session, exchange, ops::self_test),
            Command::Random => self.run(session, exchange, ops::random),
            Command::Generate => self.run(session, exchange, ops::generate),
            Command::Import => self.run(session, exchange, ops::import),
            Command::List => self.run(session, exchange, ops::list),
            Command::Describe => self.run(session, exchange, ops::describe),
            Command::Delete => self.run(session, exchange, ops::delete),
            Command::PublicKey => self.run(session, exchange, ops::public_key),
            Command::Seal => self.run(session, exchange, ops::seal),
            Command::Unseal => self.run(session, exchange, ops::unseal),
            Command::Mac => self.run(session, exchange, ops::mac),
            Command::VerifyMac => self.run(session, exchange, ops::verify_mac),
            Command::MacStart => self.run(session, exchange, ops::mac_start),
            Command::MacUpdate => self.run(session, exchange, ops::mac_update),
            Command::MacFinish => self.run(session, exchange, ops::mac_finish),
            Command::VerifyMacFinish => self.run(session, exchange, ops::verify_mac_finish),
            Command::Sign => self.run(session, exchange, ops::sign),
            Command::Challenge => self.run(session, exchange, ops::challenge),
            Command::Respond => self.run(session, exchange, ops::respond),
            Command::Confirm => self.run(session, exchange, ops::confirm),
            Command::Lock => self.run(session, exchange, ops::lock),
            Command::FactoryReset => self.run(session, exchange, ops::factory_reset),
            Command::Rotate => self.run(session, exchange, ops::rotate),
            Command::Retire => self.run(session, exchange, ops::retire),
            Command::SetState => self.run(session, exchange, ops::set_state),
            Command::SetPolicy => self.run(session, exchange, ops::set_policy),
            Command::CatchUp => self.run(session, exchange, ops::catch_up),
            Command::Reseal => self.run(session, exchange, ops::reseal),
            Command::Encrypt => self.run(session, exchange, ops::encrypt),
            Command::Decrypt => self.run(session, exchange, ops::decrypt),
            Command::Derive => self.run(session, exchange, ops::derive),
            Command::Combine => self.run(session, exchange, ops::combine),
            Command::Wrap => self.run(session, exchange, ops::wrap),
            Command::Revoke => self.run(session, exchange, ops::revoke),
            Command::Unwrap => self.run(session, exchange, ops::unwrap),
            Command::ComponentStart => self.run(session, exchange, ops::component_start),
            Command::ComponentShow => self.run(session, exchange, ops::component_show),
            Command::ComponentEnter => self.run(session, exchange, ops::component_enter),
            Command::ComponentCancel => self.run(session, exchange, ops::component_cancel),
            Command::Share => self.run(session, exchange, ops::share),
            Command::RestoreStart => self.run(session, exchange, ops::restore_start),
            Command::RestoreShare => self.run(session, exchange, ops::restore_share),
            Command::RestoreCancel => self.run(session, exchange, ops::restore_cancel),
            Command::RestoreTrustAdd => self.run(session, exchange, ops::restore_trust_add),
            Command::RestoreTrustList => self.run(session, exchange, ops::restore_trust_list),
            Command::RestoreTrustRemove => self.run(session, exchange, ops::restore_trust_remove),
            Command::AuditRead => self.run(session, exchange, ops::audit_read),
            Command::AuditCheckpoint => self.run(session, exchange, ops::audit_checkpoint),
            Command::AuditStrict => self.run(session, exchange, ops::audit_strict),
            Command::AuditRelease => self.run(session, exchange, ops::audit_release),
            Command::DeviceKey => self.run(session, exchange, ops::device_key),
            Command::InstallCertificate => self.run(session, exchange, ops::install_certificate),
            Command::DeclareLost => self.run(session, exchange, ops::declare_lost),
            Command::Batch => self.run(session, exchange, ops::batch),
            Command::PendingList => self.run(session, exchange, ops::pending_list),
            Command::PendingCancel => self.run(session, exchange, ops::pending_cancel),
            Command::QuotaShow => self.run(session, exchange, ops::quota_show),
            Command::QuotaSet => self.run(session, exchange, ops::quota_set),
            Command::Chown => self.run(session, exchange, ops::chown),
            Command::Rename => self.run(session, exchange, ops::rename),
            Command::ListAll => self.run(session, exchange, ops::list_all),
            Command::ListGranted => self.run(session, exchange, ops::list_granted),
        }
    }

    fn run<R: Request>(
        &mut self,
        session: &mut Session,
        exchange: &mut Exchange,
        operation: Operation<P, R>,
    ) -> Result<(), Status> {
        let request = exchange.request()?;
        let served = operation(self, session, request, exchange.payload());
        if served.as_ref().is_err_and(|status| is_refusal(*status)) {
            // The header is still there.
            let request = exchange.request::<R>()?;
            let named = request.named();
            self.named = named.map(|(owner, label)| (owner, label.clone()));
        }
        exchange.succeed::<R>(&served?)
    }

    /// The platform, for a test that wants storage to fail.
    #[cfg(feature = "workstation")]
    pub fn platform_mut(&mut self) -> &mut P {
        &mut self.platform
    }
}
