//! Pictures and people over HTTP: a file for each folder of routes. What the rules are is tested in `easel-platform`; here it is that routes ask
//! them, of the right person, and answer as documented.

mod support;

mod albums;
mod comments;
mod images;
mod moderation;
mod people;
mod shares;
mod subscriptions;
mod tags;
