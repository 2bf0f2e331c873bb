//! A connection to the trusted application, shared by its clones.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use claviger_proto::{
    Algorithm, Digits, Identity, KeyRef, Label, Place, Status,
    command::Request,
    limits,
    message::{
        DeclareLostRequest, DeleteRequest, DescribeRequest, FactoryResetRequest, InfoRequest,
        InfoResponse, KeyDescription, KeySummary, ListAllRequest, ListGrantedRequest, ListRequest,
        ListResponse, LockRequest, RandomRequest, RevokeRequest, SelfTestRequest, SelfTestResponse,
    },
};

use crate::{
    Builder, Creation, Error, Key, TransportError,
    connection::{Connection, OnRepeat},
    error::ProtocolError,
    process::PerProcess,
    transport::Transport,
};

/// A session with the trusted application. Clones share it; it may be used from any thread, and
/// calls wait for each other, in no order: a thread that must not wait for another's loop opens a
/// client of its own. It closes with the last clone.
///
/// A process that was forked has a session of its own, opened with its first call, as the same user:
/// see [there](crate#processes-that-fork).
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

/// What clones share.
struct Shared {
    /// How another process opens its session.
    reopening: Option<Reopening>,
    on_repeat: Option<OnRepeat>,
    /// Each process's, once it has opened it.
    connections: PerProcess<Mutex<Option<Connection>>>,
}

/// How a session like this one is opened.
pub(crate) type Reopening =
    Box<dyn Fn() -> Result<Box<dyn Transport>, TransportError> + Send + Sync>;

impl Client {
    /// Opens a session of the effective user with the trusted application in OP-TEE; if the
    /// environment variable `CLAVIGER_EMULATOR` names a directory, with the emulated device
    /// in there, and then a line on stderr says that nothing is protected. There is no falling
    /// back from one to the other.
    ///
    /// # Errors
    /// [`Error::Transport`] if the trusted application cannot be reached.
    pub fn open() -> Result<Client, Error> {
        Client::builder().open()
    }

    /// Opens a session otherwise than [`Client::open`] does.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A client of a session that was opened elsewhere.
    #[must_use]
    pub fn with_transport(transport: impl Transport + 'static) -> Client {
        Client::builder().with_transport(transport)
    }

    /// A client of this session; in another process, of what `reopening` opens there.
    pub(crate) fn of(
        transport: Box<dyn Transport>,
        reopening: Option<Reopening>,
        on_repeat: Option<OnRepeat>,
    ) -> Client {
        let shared = Shared {
            reopening,
            on_repeat,
            connections: PerProcess::new(),
        };
        let connection = Connection::new(transport, shared.on_repeat.clone());
        *lock(shared.connections.here(Mutex::default)) = Some(connection);
        Client {
            shared: Arc::new(shared),
        }
    }

    /// Versions, platform, limits, the state of the vault. Works in every session, and also when
    /// the vault cannot be opened: then `store` says why.
    ///
    /// # Errors
    /// [`Error::Transport`], [`Error::Protocol`].
    pub fn info(&self) -> Result<InfoResponse, Error> {
        self.ask(&InfoRequest {})
    }

    /// Known answers of every primitive, each with its verdict. Works in every session.
    ///
    /// # Errors
    /// [`Error::Transport`], [`Error::Protocol`].
    pub fn self_test(&self) -> Result<SelfTestResponse, Error> {
        self.ask(&SelfTestRequest {})
    }

    /// `length` random bytes of the TEE's generator.
    ///
    /// # Errors
    /// [`Error::Ta`] with `RandomFailed` or `LoginRequired`; [`Error::Transport`].
    pub fn random(&self, length: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; length];
        self.random_into(&mut bytes)?;
        Ok(bytes)
    }

    /// Fills `bytes` with random bytes of the TEE's generator.
    ///
    /// # Errors
    /// As [`Client::random`].
    pub fn random_into(&self, bytes: &mut [u8]) -> Result<(), Error> {
        for piece in bytes.chunks_mut(limits::RANDOM) {
            // A piece has at most limits::RANDOM bytes.
            let request = RandomRequest {
                length: piece.len() as u32,
            };
            self.call(&request, &[], |_, random| {
                if random.len() != piece.len() {
                    return Err(ProtocolError::Payload {
                        command: "random",
                        length: random.len(),
                    }
                    .into());
                }
                piece.copy_from_slice(random);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Makes a key with the algorithm's first usage. [`Client::create`] offers more.
    ///
    /// # Errors
    /// [`Error::Ta`] with `AlreadyExists`, `VaultFull` or a status of the store;
    /// [`Error::Restarted`] if it is unknown whether the key was made.
    pub fn generate(&self, label: &str, algorithm: Algorithm) -> Result<Key, Error> {
        self.create(label).algorithm(algorithm).generate()
    }

    /// Begins to make or import a key.
    pub fn create(&self, label: &str) -> Creation {
        Creation::new(self.clone(), label)
    }

    /// The caller's key with this label.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NotFound` if the caller has none.
    pub fn key(&self, label: &str) -> Result<Key, Error> {
        Ok(Key::new(self.clone(), self.describe(label)?))
    }

    /// Another owner's key with this label, which grants the caller something. uid 0 gets anyone's
    /// keys, to administer them.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NotFound` if there is none in which the caller has a part.
    pub fn key_of(&self, owner: Identity, label: &str) -> Result<Key, Error> {
        let description = self.describe_of(label, owner)?;
        Ok(Key::of(self.clone(), owner, description))
    }

    /// The key in these bytes, which [`Key::wrapped_bytes`] gave on this device.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NotAuthentic` if they were altered or are of another device or vault,
    /// `Revoked`, or `NotFound` if the caller has no part in the key.
    pub fn wrapped(&self, bytes: &[u8]) -> Result<Key, Error> {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if length == 0 || bytes.len() > limits::WRAPPED {
            return Err(Error::Ta(Status::NotAuthentic));
        }
        let key = KeyRef {
            place: Place::Wrapped { length },
            child: None,
        };
        self.call(&DescribeRequest { key }, &[bytes], |description, _| {
            Ok(Key::wrapped(self.clone(), bytes, description))
        })
    }

    /// All keys of the caller.
    ///
    /// # Errors
    /// [`Error::Ta`] with a status of the store.
    pub fn list(&self) -> Result<Vec<KeySummary>, Error> {
        self.pages(|cursor| ListRequest {
            cursor,
            owner: None,
        })
    }

    /// All keys of another owner in which the caller has a part: which grant it something, or for
    /// uid 0 all.
    ///
    /// # Errors
    /// [`Error::Ta`] with a status of the store.
    pub fn list_of(&self, owner: Identity) -> Result<Vec<KeySummary>, Error> {
        self.pages(|cursor| ListRequest {
            cursor,
            owner: Some(owner),
        })
    }

    /// All keys of every owner; for uid 0.
    ///
    /// # Errors
    /// [`Error::Ta`] with `AdministratorOnly` or a status of the store.
    pub fn list_all(&self) -> Result<Vec<KeySummary>, Error> {
        self.pages(|cursor| ListAllRequest { cursor })
    }

    /// All keys of others that grant the caller something ([`Client::key_of`] uses them). A session
    /// speaks for one identity: what a group is granted, a session of [`crate::Login::Group`] shows,
    /// whose own keys [`Client::list`] has.
    ///
    /// # Errors
    /// [`Error::Ta`] with a status of the store.
    pub fn list_granted(&self) -> Result<Vec<KeySummary>, Error> {
        self.pages(|cursor| ListGrantedRequest { cursor })
    }

    fn pages<R: Request<Response = ListResponse>>(
        &self,
        page: impl Fn(u32) -> R,
    ) -> Result<Vec<KeySummary>, Error> {
        let mut keys = Vec::new();
        let mut cursor = 0;
        loop {
            let page = self.ask(&page(cursor))?;
            keys.extend(page.keys);
            match page.next {
                // A cursor that does not rise would never end.
                Some(next) if next > cursor => cursor = next,
                Some(_) => {
                    let command = R::COMMAND.name();
                    return Err(ProtocolError::Header { command }.into());
                }
                None => return Ok(keys),
            }
        }
    }

    /// Everything about a key but its secret.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NotFound` if the caller has no such key.
    pub fn describe(&self, label: &str) -> Result<KeyDescription, Error> {
        self.ask(&DescribeRequest {
            key: parse_label(label)?.into(),
        })
    }

    /// Everything about another owner's key but its secret.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NotFound` if there is none in which the caller has a part: which grants
    /// it something, or for uid 0 any.
    pub fn describe_of(&self, label: &str, owner: Identity) -> Result<KeyDescription, Error> {
        self.ask(&DescribeRequest {
            key: key_of(owner, label)?,
        })
    }

    /// Destroys a key.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NotFound` or a status of the store; [`Error::Restarted`].
    pub fn delete(&self, label: &str) -> Result<(), Error> {
        self.ask(&DeleteRequest {
            key: parse_label(label)?.into(),
        })
        .map(drop)
    }

    /// Destroys another owner's key; for uid 0.
    ///
    /// # Errors
    /// As [`Client::delete`], and [`Error::Ta`] with `AdministratorOnly`.
    pub fn delete_of(&self, label: &str, owner: Identity) -> Result<(), Error> {
        self.ask(&DeleteRequest {
            key: key_of(owner, label)?,
        })
        .map(drop)
    }

    /// Ends the wrapped keys of this caller that were made before: those of a family, or all; says
    /// which generation wrapped keys must now have.
    ///
    /// # Errors
    /// [`Error::Name`] for a bad family; [`Error::Ta`] with a status of the store;
    /// [`Error::Restarted`].
    pub fn revoke(&self, family: Option<&str>) -> Result<u64, Error> {
        self.revoke_with(family, None)
    }

    /// As [`Client::revoke`], those of another owner; for uid 0.
    ///
    /// # Errors
    /// As [`Client::revoke`], and [`Error::Ta`] with `AdministratorOnly`.
    pub fn revoke_of(&self, owner: Identity, family: Option<&str>) -> Result<u64, Error> {
        self.revoke_with(family, Some(owner))
    }

    fn revoke_with(&self, family: Option<&str>, owner: Option<Identity>) -> Result<u64, Error> {
        let family = family.map(parse_label).transpose()?;
        self.ask(&RevokeRequest { family, owner })
            .map(|response| response.generation)
    }

    /// Ends imports, for all, until a factory reset; for uid 0.
    ///
    /// # Errors
    /// [`Error::Ta`] with `AdministratorOnly` or a status of the store.
    pub fn lock(&self) -> Result<(), Error> {
        self.ask(&LockRequest {}).map(drop)
    }

    /// Destroys every key of every owner and begins a new vault; for uid 0. `confirmation` is
    /// what [`Client::info`] shows to uid 0, and changes with every start.
    ///
    /// # Errors
    /// [`Error::Name`] if it is no token, [`Error::Ta`] with `AdministratorOnly` or
    /// `BadConfirmation`, [`Error::Restarted`].
    pub fn factory_reset(&self, confirmation: &str) -> Result<(), Error> {
        let confirmation =
            Digits::try_from(confirmation).map_err(|source| Error::name(confirmation, source))?;
        self.ask(&FactoryResetRequest { confirmation }).map(drop)
    }

    /// Declares the missing shards of the vault lost, for good, so that the others can be changed
    /// again; says how many. For uid 0; `confirmation` as for [`Client::factory_reset`].
    ///
    /// # Errors
    /// As [`Client::factory_reset`]; [`Error::Ta`] with `NothingMissing`, or `Incomplete` while
    /// storage does not let them be made anew.
    pub fn declare_lost(&self, confirmation: &str) -> Result<u32, Error> {
        let confirmation =
            Digits::try_from(confirmation).map_err(|source| Error::name(confirmation, source))?;
        self.ask(&DeclareLostRequest { confirmation })
            .map(|response| response.shards)
    }

    /// Sends any request of the contract and gives the answer's header and payload.
    ///
    /// # Errors
    /// Any [`Error`] of a call.
    pub fn request<R: Request>(
        &self,
        request: &R,
        payload: &[u8],
    ) -> Result<(R::Response, Vec<u8>), Error> {
        self.call(request, &[payload], |response, payload| {
            Ok((response, payload.to_vec()))
        })
    }

    /// Sends bytes that need not be a frame, with room for any reply behind them (zeros), and
    /// gives the reply as it came. For tests of the trusted application.
    ///
    /// # Errors
    /// [`Error::Transport`]; [`Error::Ta`] with `PayloadTooLong` if `frame` is longer than
    /// [`limits::FRAME`].
    pub fn raw(&self, command_id: u32, frame: &[u8]) -> Result<Vec<u8>, Error> {
        self.raw_within(command_id, frame, limits::FRAME)
    }

    /// As [`Client::raw`], in a memory reference of exactly `size` bytes.
    ///
    /// # Errors
    /// As [`Client::raw`]; [`crate::TransportError::ShortBuffer`] if the reply does not fit.
    pub fn raw_within(&self, command_id: u32, frame: &[u8], size: usize) -> Result<Vec<u8>, Error> {
        self.connected(|connection| connection.raw(command_id, frame, size))
    }

    pub(crate) fn ask<R: Request>(&self, request: &R) -> Result<R::Response, Error> {
        self.call(request, &[], |response, _| Ok(response))
    }

    pub(crate) fn call<R: Request, T>(
        &self,
        request: &R,
        parts: &[&[u8]],
        take: impl FnOnce(R::Response, &[u8]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.call_for(request, parts, 0, take)
    }

    /// As [`Client::call`], for a reply whose payload may have so many bytes.
    pub(crate) fn call_for<R: Request, T>(
        &self,
        request: &R,
        parts: &[&[u8]],
        reply: usize,
        take: impl FnOnce(R::Response, &[u8]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.connected(|connection| connection.call(request, parts, reply, take))
    }

    /// A client with a session of its own, for what is bound to a session: no other process has it.
    pub(crate) fn another(&self) -> Result<Client, Error> {
        let transport = self.connected(|connection| connection.another())?;
        Ok(Client::of(transport, None, self.shared.on_repeat.clone()))
    }

    /// Closes the session until the next call, which opens it anew: for a program that has nothing to
    /// ask for a while, and would be in others' way. What is of another program's making
    /// ([`Client::with_transport`]) stays open.
    pub fn rest(&self) {
        if self.shared.reopening.is_some() {
            let closed = lock(self.shared.connections.here(Mutex::default)).take();
            drop(closed);
        }
    }

    /// Has `work` done in this process's session.
    fn connected<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut connection = lock(self.shared.connections.here(Mutex::default));
        match &mut *connection {
            Some(connection) => work(connection),
            None => work(connection.insert(self.shared.open()?)),
        }
    }
}

impl Shared {
    /// This process's session, after another's.
    fn open(&self) -> Result<Connection, Error> {
        self.let_go();
        let open = self.reopening.as_ref();
        let transport = open.ok_or(TransportError::AnotherProcess)?()?;
        Ok(Connection::new(transport, self.on_repeat.clone()))
    }

    /// Lets go of what the processes had that this one was forked from; but what a thread of theirs
    /// was at work on then is in no state to be touched.
    fn let_go(&self) {
        for inherited in self.connections.inherited() {
            let mut connection = match inherited.try_lock() {
                Ok(connection) => connection,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => continue,
            };
            if let Some(connection) = connection.take() {
                connection.abandon();
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// A call that panicked leaves nothing half done that the next one does not overwrite.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

pub(crate) fn parse_label(text: &str) -> Result<Label, Error> {
    Label::try_from(text).map_err(|source| Error::name(text, source))
}

fn key_of(owner: Identity, label: &str) -> Result<KeyRef, Error> {
    let place = Place::Vault {
        owner: Some(owner),
        label: parse_label(label)?,
    };
    Ok(KeyRef { place, child: None })
}
