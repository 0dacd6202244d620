//! The gateway over real connections: limits, TLS, the admin listener, submissions, and the program as a user meets it.

mod admin;
mod cli;
mod evidence;
mod fixture;
mod limits;
mod openapi;
mod operator;
mod others;
mod provers;
mod record;
mod settlements;
mod submissions;
mod tls;
