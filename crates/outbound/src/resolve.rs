//! Names to addresses, every one of them judged. The connection goes to what this returns and nowhere else, so there is no second look-up
//! that could say something different.

use std::{
    error::Error,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{OutboundError, Policy, Reason};

/// Looks names up. The system's own by default; tests bring theirs.
pub trait Resolver: Send + Sync + 'static {
    /// All addresses of a name.
    fn resolve(&self, name: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
}

/// As the operating system does it: its hosts file, its name servers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, name: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let name = name.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// Stands between the HTTP client and the resolver.
#[derive(Clone)]
pub(crate) struct Guard {
    pub resolver: Arc<dyn Resolver>,
    pub policy: Arc<Policy>,
    /// For the hosts that the operator allows by name, and only for them.
    pub internal: bool,
}

impl Guard {
    /// All addresses of a name, if every one of them may be connected to.
    pub async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, OutboundError> {
        if self.internal && !self.policy.names_internal(name) {
            return Err(Reason::InternalName.into());
        }
        let addresses = self.resolver.resolve(name).await.map_err(|_| OutboundError::Unreachable)?;
        // One bad answer spoils them all: whoever mixes them means no good.
        if !self.internal && !addresses.iter().all(|&address| self.policy.allows(address)) {
            return Err(Reason::InternalAddress.into());
        }
        Ok(addresses)
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (name, guard) = (name.as_str().to_owned(), self.clone());
        Box::pin(async move {
            let addresses = guard.addresses(&name).await.map_err(|error| match error {
                OutboundError::NotAllowed(reason) => Box::<dyn Error + Send + Sync>::from(reason),
                error => error.into(),
            })?;
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// The guard's refusal, if that is what an error of the HTTP client comes from.
pub(crate) fn refusal(error: &reqwest::Error) -> Option<Reason> {
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(reason) = error.downcast_ref::<Reason>() {
            return Some(*reason);
        }
        source = error.source();
    }
    None
}
