//! The list of routes.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};
use utoipa::{OpenApi, openapi::HttpMethod};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};

use crate::{
    ApiError, AppState,
    auth::basic::translated,
    earlier,
    extract::{FILE_MAX, UPLOAD_MAX},
    features::offered,
    layers::{by_https_alone, method_not_allowed, with_layers},
    limit::by_address,
    openapi::{Alias, ApiDoc, finished},
    prefix::under,
    proxies::behind_proxies,
    routes,
};

/// Every documented route. Routes of one path are one line.
fn documented() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        // Accounts.
        .routes(routes!(routes::setup::config::handler))
        .routes(routes!(routes::setup::create::handler))
        .routes(routes!(routes::auth::register::handler))
        .routes(routes!(routes::auth::login::handler))
        .routes(routes!(routes::auth::refresh::handler))
        .routes(routes!(routes::auth::logout::handler))
        .routes(routes!(routes::auth::verify::handler))
        .routes(routes!(routes::auth::resend::handler))
        .routes(routes!(routes::auth::reset::handler))
        .routes(routes!(routes::auth::confirm_reset::handler))
        .routes(routes!(routes::users::me::handler, routes::users::change::handler, routes::users::erase::handler))
        .routes(routes!(routes::avatars::set::handler, routes::avatars::remove::handler).layer(DefaultBodyLimit::max(FILE_MAX)))
        .routes(routes!(routes::avatars::get::handler))
        .routes(routes!(routes::users::password::handler))
        .routes(routes!(routes::users::replace::handler))
        .routes(routes!(routes::users::export::handler, routes::users::request_export::handler))
        .routes(routes!(routes::users::stats::handler))
        .routes(routes!(routes::sessions::list::handler))
        .routes(routes!(routes::sessions::end::handler))
        .routes(routes!(routes::keys::list::handler, routes::keys::create::handler))
        .routes(routes!(routes::keys::revoke::handler, routes::keys::change::handler))
        .routes(routes!(routes::auth::providers::handler))
        .routes(routes!(routes::auth::sign_in::handler))
        .routes(routes!(routes::auth::link::handler))
        .routes(routes!(routes::auth::callback::handler))
        .routes(routes!(routes::identities::list::handler))
        .routes(routes!(routes::identities::unlink::handler))
        .routes(routes!(routes::consents::papers::handler))
        .routes(routes!(routes::consents::list::handler, routes::consents::give::handler))
        // Credits.
        .routes(routes!(routes::credits::balance::handler))
        .routes(routes!(routes::credits::history::handler))
        .routes(routes!(routes::plans::list::handler))
        .routes(routes!(routes::purchases::packs::handler))
        .routes(routes!(routes::purchases::buy::handler))
        .routes(routes!(routes::purchases::list::handler))
        .routes(routes!(routes::purchases::checkout::handler))
        .routes(routes!(routes::purchases::portal::handler))
        .routes(routes!(routes::purchases::webhook::handler))
        .routes(routes!(routes::purchases::webhook::first))
        // Jobs.
        .routes(routes!(routes::images::generate::handler))
        .routes(routes!(routes::images::quote::handler))
        .routes(routes!(routes::images::batch::handler))
        .routes(routes!(routes::images::variations::handler))
        .routes(routes!(routes::images::upscale::handler))
        .routes(routes!(routes::jobs::list::handler))
        .routes(routes!(routes::jobs::get::handler))
        .routes(routes!(routes::jobs::cancel::handler))
        .routes(routes!(routes::jobs::events::handler))
        .routes(routes!(routes::jobs::socket::handler))
        .routes(routes!(routes::jobs::history::handler))
        .routes(routes!(routes::tasks::list::handler))
        .routes(routes!(routes::tasks::get::handler))
        .routes(routes!(routes::tasks::cancel::handler))
        .routes(routes!(routes::models::list::handler))
        .routes(routes!(routes::adapters::list_loras::handler))
        .routes(routes!(routes::adapters::list_embeddings::handler))
        .routes(routes!(routes::adapters::list_controlnets::handler))
        // Prompts.
        .routes(routes!(routes::styles::list::handler))
        .routes(routes!(routes::styles::categories::handler))
        .routes(routes!(routes::styles::get::handler))
        .routes(routes!(routes::prompts::build::handler))
        .routes(routes!(routes::prompts::enhance::handler))
        .routes(routes!(routes::prompts::random::handler))
        .routes(routes!(routes::prompts::suggest::handler))
        .routes(routes!(routes::prompts::terms::handler))
        .routes(routes!(routes::prompts::history::handler, routes::prompts::clear::handler))
        .routes(routes!(routes::prompts::forget::handler))
        // Pictures, and people.
        .routes(routes!(routes::images::upload::handler).layer(DefaultBodyLimit::max(FILE_MAX)))
        .routes(routes!(routes::images::proxy::handler))
        .routes(routes!(routes::images::presign::handler))
        .routes(routes!(routes::files::put::handler, routes::files::get::handler).layer(DefaultBodyLimit::max(FILE_MAX)))
        .routes(routes!(routes::images::complete_upload::handler))
        .routes(routes!(routes::images::list_uploads::handler))
        .routes(routes!(routes::images::delete_upload::handler))
        .routes(routes!(routes::images::file::handler))
        .routes(routes!(routes::images::thumbnail::handler))
        .routes(routes!(routes::images::list::handler))
        .routes(routes!(routes::images::get::handler, routes::images::change::handler, routes::images::trash::handler))
        .routes(routes!(routes::images::restore::handler))
        .routes(routes!(routes::images::bulk::handler))
        .routes(routes!(routes::images::template::handler))
        .routes(routes!(routes::images::publish::handler, routes::images::withdraw::handler, routes::images::view::handler))
        .routes(routes!(routes::images::list_public::handler))
        .routes(routes!(routes::images::public_file::handler))
        .routes(routes!(routes::images::public_thumbnail::handler))
        .routes(routes!(routes::images::like::handler, routes::images::unlike::handler))
        .routes(routes!(routes::images::report::handler))
        .routes(routes!(routes::comments::list::handler, routes::comments::create::handler))
        .routes(routes!(routes::comments::delete::handler))
        .routes(routes!(routes::comments::report::handler))
        .routes(routes!(routes::people::profile::handler))
        .routes(routes!(routes::people::follow::handler, routes::people::unfollow::handler))
        .routes(routes!(routes::people::report::handler))
        .routes(routes!(routes::people::feed::handler))
        .routes(routes!(routes::people::likes::handler))
        .routes(routes!(routes::people::following::handler))
        .routes(routes!(routes::people::followers::handler))
        .routes(routes!(routes::people::set_bio::handler))
        .routes(routes!(routes::people::storage::handler))
        .routes(routes!(routes::albums::list::handler, routes::albums::create::handler))
        .routes(routes!(routes::albums::get::handler, routes::albums::change::handler, routes::albums::delete::handler))
        .routes(routes!(routes::albums::order::handler))
        .routes(routes!(routes::albums::pictures::handler))
        .routes(routes!(routes::albums::order_pictures::handler))
        .routes(routes!(routes::albums::add::handler, routes::albums::remove::handler))
        .routes(routes!(routes::tags::list::handler))
        .routes(routes!(routes::shares::create::handler))
        .routes(routes!(routes::shares::list::handler))
        .routes(routes!(routes::shares::revoke::handler))
        .routes(routes!(routes::shares::open::handler))
        .routes(routes!(routes::shares::file::handler))
        .routes(routes!(routes::shares::thumbnail::handler))
        .routes(routes!(routes::moderation::queue::handler, routes::moderation::open::handler))
        .routes(routes!(routes::moderation::get::handler))
        .routes(routes!(routes::moderation::thumbnail::handler))
        .routes(routes!(routes::moderation::decide::handler))
        .routes(routes!(routes::moderation::close::handler))
        .routes(routes!(routes::moderation::findings::handler))
        .routes(routes!(routes::moderation::own::handler))
        .routes(routes!(routes::moderation::appeal::handler))
        .routes(routes!(routes::subscriptions::current::handler))
        .routes(routes!(routes::subscriptions::list::handler))
        .routes(routes!(routes::subscriptions::change::handler))
        .routes(routes!(routes::subscriptions::cancel::handler))
        .routes(routes!(routes::subscriptions::resume::handler))
        // Webhooks.
        .routes(routes!(routes::webhooks::list::handler, routes::webhooks::create::handler))
        .routes(routes!(routes::webhooks::get::handler, routes::webhooks::change::handler, routes::webhooks::delete::handler))
        .routes(routes!(routes::webhooks::rotate::handler))
        .routes(routes!(routes::webhooks::enable::handler))
        .routes(routes!(routes::webhooks::disable::handler))
        .routes(routes!(routes::webhooks::test::handler))
        .routes(routes!(routes::webhooks::deliveries::handler))
        .routes(routes!(routes::webhooks::resend::handler))
        // External providers.
        .routes(routes!(routes::api_configs::list::handler, routes::api_configs::create::handler))
        .routes(routes!(routes::api_configs::change::handler, routes::api_configs::delete::handler))
        .routes(routes!(routes::api_configs::test::handler))
        .routes(routes!(routes::external::get::handler, routes::external::set::handler))
        .routes(routes!(routes::providers::webhook::handler))
        .routes(routes!(routes::admin::list_providers::handler))
        .routes(routes!(routes::admin::open_provider::handler))
        .routes(routes!(routes::admin::close_provider::handler))
        // Administration.
        .routes(routes!(routes::admin::list_users::handler))
        .routes(routes!(routes::admin::get_user::handler, routes::admin::change_user::handler))
        .routes(routes!(routes::admin::get_limits::handler, routes::admin::set_limits::handler))
        .routes(routes!(routes::admin::list_organizations::handler, routes::admin::create_organization::handler))
        .routes(routes!(routes::admin::set_organization::handler))
        .routes(routes!(routes::admin::credits::handler))
        .routes(routes!(routes::purchases::admin_list::handler))
        .routes(routes!(routes::purchases::admin_comparisons::handler))
        .routes(routes!(routes::purchases::admin_paid::handler))
        .routes(routes!(routes::purchases::admin_refund::handler))
        .routes(routes!(routes::admin::list_jobs::handler))
        .routes(routes!(routes::admin::list_devices::handler))
        .routes(routes!(routes::admin::list_nodes::handler))
        .routes(routes!(routes::admin::list_models::handler))
        .routes(routes!(routes::admin::load_model::handler))
        .routes(routes!(routes::admin::unload_model::handler))
        .routes(routes!(routes::admin::list_audit::handler))
        .routes(routes!(routes::admin::config::handler))
        .routes(routes!(routes::admin::list_settings::handler))
        .routes(routes!(routes::admin::set_setting::handler))
        .routes(routes!(routes::admin::stats::handler))
        // OpenAI's.
        .routes(routes!(routes::openai::generate::handler))
        .routes(routes!(routes::openai::edit::handler).layer(DefaultBodyLimit::max(UPLOAD_MAX)))
        .routes(routes!(routes::openai::vary::handler).layer(DefaultBodyLimit::max(UPLOAD_MAX)))
        .routes(routes!(routes::openai::file::handler))
        .routes(routes!(routes::openai::list_models::handler))
        .routes(routes!(routes::openai::get_model::handler))
        .merge(health())
}

/// Routes of their own that clients of earlier designs know: what these begin with is deprecated in the document.
const OLD: [&str; 3] = ["/api/v1/tasks", "/api/v1/generate/history", "/api/v1/users/profile"];

const ALIASES: [Alias; 9] = [
    Alias { path: "/api/v1/auth/me", of: "/api/v1/users/me", ending: "by_auth", methods: &[HttpMethod::Get] },
    Alias {
        path: "/api/v1/users/profile",
        of: "/api/v1/users/me",
        ending: "by_profile",
        methods: &[HttpMethod::Get, HttpMethod::Patch],
    },
    Alias { path: "/api/v1/users/usage", of: "/api/v1/users/me/stats", ending: "by_usage", methods: &[HttpMethod::Get] },
    Alias { path: "/api/v1/generate", of: "/api/v1/images/generate", ending: "by_generate", methods: &[HttpMethod::Post] },
    Alias { path: "/api/v1/generate/images/{id}", of: "/api/v1/images/{id}", ending: "by_generate", methods: &[HttpMethod::Get] },
    Alias { path: "/api/v1/tasks/{id}/events", of: "/api/v1/jobs/{id}/events", ending: "by_task", methods: &[HttpMethod::Get] },
    Alias {
        path: "/api/v1/auth/oauth/{provider}",
        of: "/api/v1/auth/oidc/{provider}/start",
        ending: "by_oauth",
        methods: &[HttpMethod::Get],
    },
    Alias {
        path: "/api/v1/auth/oauth/{provider}/callback",
        of: "/api/v1/auth/oidc/callback/{provider}",
        ending: "by_oauth",
        methods: &[HttpMethod::Get],
    },
    Alias { path: "/health", of: "/health/ready", ending: "by_health", methods: &[HttpMethod::Get] },
];

fn aliases() -> Router<AppState> {
    use routes::{auth, health, images, jobs, users};
    Router::new()
        .route("/api/v1/auth/me", get(users::me::handler))
        .route("/api/v1/users/profile", get(users::me::handler).patch(users::change::handler))
        .route("/api/v1/users/usage", get(users::stats::handler))
        .route("/api/v1/generate", post(images::generate::handler))
        .route("/api/v1/generate/images/{id}", get(images::get::handler))
        .route("/api/v1/tasks/{id}/events", get(jobs::events::handler))
        .route("/api/v1/auth/oauth/{provider}", get(auth::sign_in::handler))
        .route("/api/v1/auth/oauth/{provider}/callback", get(auth::callback::handler))
        .route("/health", get(health::ready::handler))
}

/// A1111's: their errors and passwords are in its form.
fn a1111(state: &AppState) -> Router<AppState> {
    let (routes, _) = a1111_documented().split_for_parts();
    routes
        .layer(DefaultBodyLimit::max(UPLOAD_MAX))
        .layer(middleware::from_fn_with_state(state.clone(), translated))
        .layer(middleware::from_fn(routes::a1111::in_its_words))
}

fn a1111_documented() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(routes::a1111::txt2img::handler))
        .routes(routes!(routes::a1111::img2img::handler))
        .routes(routes!(routes::a1111::progress::handler))
        .routes(routes!(routes::a1111::interrupt::handler))
        .routes(routes!(routes::a1111::skip::handler))
        .routes(routes!(routes::a1111::get_options::handler, routes::a1111::set_options::handler))
        .routes(routes!(routes::a1111::samplers::handler))
        .routes(routes!(routes::a1111::schedulers::handler))
        .routes(routes!(routes::a1111::sd_models::handler))
        .routes(routes!(routes::a1111::sd_vae::handler))
        .routes(routes!(routes::a1111::sd_modules::handler))
        .routes(routes!(routes::a1111::loras::handler))
        .routes(routes!(routes::a1111::embeddings::handler))
        .routes(routes!(routes::a1111::hypernetworks::handler))
        .routes(routes!(routes::a1111::face_restorers::handler))
        .routes(routes!(routes::a1111::realesrgan_models::handler))
        .routes(routes!(routes::a1111::prompt_styles::handler))
        .routes(routes!(routes::a1111::upscalers::handler))
        .routes(routes!(routes::a1111::latent_upscale_modes::handler))
        .routes(routes!(routes::a1111::cmd_flags::handler))
        .routes(routes!(routes::a1111::memory::handler))
        .routes(routes!(routes::a1111::scripts::handler))
        .routes(routes!(routes::a1111::script_info::handler))
        .routes(routes!(routes::a1111::extensions::handler))
        .routes(routes!(routes::a1111::png_info::handler))
        .routes(routes!(routes::a1111::extra_single_image::handler))
        .routes(routes!(routes::a1111::extra_batch_images::handler))
        .routes(routes!(routes::a1111::interrogate::handler))
        .routes(routes!(routes::a1111::refresh_checkpoints::handler))
        .routes(routes!(routes::a1111::refresh_vae::handler))
        .routes(routes!(routes::a1111::refresh_loras::handler))
        .routes(routes!(routes::a1111::refresh_embeddings::handler))
        .routes(routes!(routes::a1111::unload_checkpoint::handler))
        .routes(routes!(routes::a1111::reload_checkpoint::handler))
        .routes(routes!(routes::a1111::task_progress::handler))
        .routes(routes!(routes::a1111::pending_tasks::handler))
        .routes(routes!(routes::a1111::control_version::handler))
        .routes(routes!(routes::a1111::control_models::handler))
        .routes(routes!(routes::a1111::control_modules::handler))
        .routes(routes!(routes::a1111::control_types::handler))
        .routes(routes!(routes::a1111::control_settings::handler))
        .routes(routes!(routes::a1111::control_detect::handler))
}

/// For whoever runs the server.
fn health() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(routes::health::live::handler))
        .routes(routes!(routes::health::ready::handler))
        .routes(routes!(routes::health::metrics::handler))
}

/// The documentation of every route.
pub fn openapi() -> utoipa::openapi::OpenApi {
    finished(documented().merge(a1111_documented()).into_openapi(), &ALIASES, &OLD)
}

/// Every route over a state.
pub fn router(state: AppState) -> Router {
    let body_limit = DefaultBodyLimit::max(state.config.body_bytes_max);
    let (documented, _) = documented().split_for_parts();
    let (prefix, traffic) = (state.config.prefix.clone(), Arc::clone(&state.traffic));
    let by_https = state.config.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    let routes = documented
        .merge(aliases())
        .merge(a1111(&state))
        // For people.
        .route("/docs", get(routes::docs::html))
        .route("/assets/docs.css", get(routes::docs::css))
        .route("/assets/docs.js", get(routes::docs::js))
        .route("/openapi.json", get(routes::docs::document))
        .fallback(routes::page::page)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(body_limit);
    let routes = if state.config.compat_routes { routes } else { routes.layer(middleware::from_fn(earlier::refused)) };
    let routes = routes
        .layer(middleware::from_fn_with_state(state.clone(), offered))
        .layer(middleware::from_fn_with_state(state.clone(), by_address))
        .layer(middleware::from_fn_with_state(state.clone(), behind_proxies))
        .with_state(state);
    let routes = if by_https { routes.layer(middleware::map_response(by_https_alone)) } else { routes };
    under(&prefix, with_layers(routes, traffic))
}

/// Only what says how a node is: for one that works and answers nobody.
pub fn health_router(state: AppState) -> Router {
    let ((health, _), traffic) = (health().split_for_parts(), Arc::clone(&state.traffic));
    let health = health.fallback(|| async { ApiError::not_found() }).method_not_allowed_fallback(method_not_allowed);
    with_layers(health.with_state(state), traffic)
}
