//! `/health`: for load balancers and whatever restarts the process. Answers come from the engine, not from the web server alone.
pub(crate) mod live;
pub(crate) mod metrics;
pub(crate) mod ready;
