//! What a route needs, as types: `As<Generates>` in a handler's arguments.
//!
//! A scope is what an API key must have; without one keys are refused. A permission is what the person's role must have. What a person may do
//! to a thing of their own is the platform's to say.

use easel_platform::accounts::{Permission, Scope};

/// What a route needs.
pub trait Right: Send + Sync + 'static {
    /// The scope of API keys that may come in.
    const SCOPE: Option<Scope> = None;
    /// What the role must allow.
    const PERMISSION: Option<Permission> = None;
}

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident { $($const:ident: $kind:ident::$value:ident)? })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl Right for $name {
            $(const $const: Option<$kind> = Some($kind::$value);)?
        }
    )+};
}

rights! {
    /// To be somebody, and not a program of theirs.
    ActsAsThemselves {}
    /// To submit, see and cancel jobs.
    Generates { SCOPE: Scope::Generate }
    /// To see pictures.
    ReadsImages { SCOPE: Scope::ImagesRead }
    /// To change and delete pictures.
    WritesImages { SCOPE: Scope::ImagesWrite }
    /// To see the account, its credits and its use.
    ReadsAccount { SCOPE: Scope::AccountRead }
    /// To hide others' public pictures.
    Moderates { PERMISSION: Permission::ModerateImages }
    /// To see others' accounts.
    ReadsUsers { PERMISSION: Permission::ReadUsers }
    /// To suspend others, change their plan and role.
    ManagesUsers { PERMISSION: Permission::ManageUsers }
    /// To correct others' credits.
    AdjustsCredits { PERMISSION: Permission::AdjustCredits }
    /// To see the record of what was done.
    ReadsAudit { PERMISSION: Permission::ReadAudit }
    /// To see everybody's jobs, the devices, and sums.
    ReadsServer { PERMISSION: Permission::ReadServer }
    /// To see and change the server's settings.
    ManagesServer { PERMISSION: Permission::ManageServer }
}
