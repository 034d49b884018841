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

use crate::{Policy, Reason};

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
pub(crate) struct Guard {
    pub resolver: Arc<dyn Resolver>,
    pub policy: Arc<Policy>,
    /// For the hosts that the operator allows by name, and only for them.
    pub internal: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let (resolver, policy, internal) = (self.resolver.clone(), self.policy.clone(), self.internal);
        Box::pin(async move {
            if internal && !policy.names_internal(&name) {
                return Err(Reason::InternalName.into());
            }
            let addresses = resolver.resolve(&name).await.map_err(Box::<dyn Error + Send + Sync>::from)?;
            // One bad answer spoils them all: whoever mixes them means no good.
            if !internal && !addresses.iter().all(|&address| policy.allows(address)) {
                return Err(Reason::InternalAddress.into());
            }
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
