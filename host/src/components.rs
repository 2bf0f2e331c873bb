//! Keys put together of components: split knowledge, ANSI X9.24-1.
//!
//! Two to five custodians each enter one component, and the key is their exclusive or: it exists
//! in the vault once all are in, and nowhere before. Whoever lacks one component knows nothing of
//! it. Components are random bytes of the key's length; they pass through Linux once, so each is to
//! be entered where its custodian trusts the machine. Check values ([`ComponentEnterResponse`])
//! tell that what was entered is what is on the custodian's paper.
//!
//! ```
//! # #[cfg(feature = "emulator")] {
//! use claviger::{Algorithm, Client, identity::uid_identity};
//! # use claviger::transport::emulator::Emulator;
//! # let device = Emulator::memory();
//! # let open = |uid| Client::builder().emulator(device.as_user(uid)).open();
//! # let (owner, alice, bob) = (open(0)?, open(1000)?, open(1001)?);
//! let ceremony = owner
//!     .create("master")
//!     .algorithm(Algorithm::KdfCmac)
//!     .assemble(&[uid_identity(1000), uid_identity(1001)])?;
//! let id = ceremony.id().to_string();
//!
//! // Alice, in a session of her own:
//! let shown = alice.component_show(&id)?;
//! assert_eq!(shown.new.key.as_str(), "master");
//! alice.component_enter(&id, &[0x17; 32])?;
//!
//! let last = bob.component_enter(&id, &[0x2a; 32])?;
//! assert_eq!(last.key.unwrap().origin, claviger::Origin::Assembled);
//! println!("check value of the key: {}", last.key_check_value.unwrap());
//! # }
//! # Ok::<(), claviger::Error>(())
//! ```

use std::str::FromStr;

use claviger_proto::{
    Digits, Identity, Status,
    message::{
        ComponentCancelRequest, ComponentEnterRequest, ComponentEnterResponse,
        ComponentShowRequest, ComponentShowResponse, ComponentStartRequest,
    },
};

use crate::{Client, Creation, Error};

impl Creation {
    /// Begins to put the key together of components, one from each custodian: 2 to 5 users, of
    /// whom the caller may be one. It waits for 15 minutes.
    ///
    /// # Errors
    /// As [`Creation::generate`]; [`Error::Ta`] with `BadHeader` for other custodians (a group's
    /// members could enter all), `UnsupportedUsage` for a wrapped key or one
    /// that is not any bytes (ECDSA, ECDH over P-256), `Locked`, `QuotaExceeded` if the caller has
    /// one that waits, `Busy`.
    pub fn assemble(self, custodians: &[Identity]) -> Result<Ceremony, Error> {
        let custodians = heapless::Vec::from_slice(custodians);
        let request = ComponentStartRequest {
            new: self.new_key()?,
            custodians: custodians.map_err(|_| Error::Ta(Status::BadHeader))?,
        };
        let client = self.client().clone();
        let response = client.ask(&request);
        let response = response.map_err(|error| self.explain(error, None))?;
        Ok(Ceremony {
            client,
            id: response.ceremony,
        })
    }
}

impl Client {
    /// What a component is wanted for: the key, its owner, the custodians, and who has entered one.
    /// For custodians, who began, and uid 0.
    ///
    /// # Errors
    /// [`Error::Name`] for what is no name of a ceremony; [`Error::Ta`] with `NoCeremony`.
    pub fn component_show(&self, ceremony: &str) -> Result<ComponentShowResponse, Error> {
        let ceremony = parse(ceremony)?;
        self.ask(&ComponentShowRequest { ceremony })
    }

    /// Enters this custodian's component; with the last one the key is made. Wiping `component` is
    /// the caller's to do.
    ///
    /// # Errors
    /// [`Error::Name`] for what is no name of a ceremony; [`Error::Ta`] with `NoCeremony` when
    /// there is none in which the caller is a custodian, or its time is over, `AlreadyEntered`,
    /// `BadKey` for a component that has not the key's length, is another's, or leaves nothing but
    /// zeros, or those of keeping the key, after which the last can be entered again;
    /// [`Error::Restarted`], which ends it.
    pub fn component_enter(
        &self,
        ceremony: &str,
        component: &[u8],
    ) -> Result<ComponentEnterResponse, Error> {
        let ceremony = parse(ceremony)?;
        let request = ComponentEnterRequest { ceremony };
        self.call(&request, &[component], |response, _| Ok(response))
    }

    /// Forgets the components that are in. For who began, and uid 0.
    ///
    /// # Errors
    /// As [`Client::component_show`].
    pub fn component_cancel(&self, ceremony: &str) -> Result<(), Error> {
        let ceremony = parse(ceremony)?;
        self.ask(&ComponentCancelRequest { ceremony }).map(drop)
    }
}

fn parse(ceremony: &str) -> Result<Digits<8>, Error> {
    Digits::from_str(ceremony).map_err(|source| Error::name(ceremony, source))
}

/// A key that waits for its components.
#[derive(Debug, Clone)]
pub struct Ceremony {
    client: Client,
    id: Digits<8>,
}

impl Ceremony {
    /// What its custodians name it by. No secret: it is of use to them alone.
    #[must_use]
    pub fn id(&self) -> Digits<8> {
        self.id
    }

    /// Forgets the components that are in.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NoCeremony`.
    pub fn cancel(self) -> Result<(), Error> {
        let ceremony = self.id;
        self.client
            .ask(&ComponentCancelRequest { ceremony })
            .map(drop)
    }
}
