//! Cases and reports: as moderators see them, and as owners do.

use easel_platform::{
    moderation::Category,
    records::{Case, Found, Report},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::shown_time;

/// `sexual`, `child_abuse`, `violence`, `hate`, `harassment`, `self_harm`, `privacy`, `copyright`, `illegal`, `spam`, `other`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(transparent)]
pub(crate) struct CategoryField(pub(crate) Category);

/// A report.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportBody {
    /// What is wrong: `sexual`, `child_abuse`, `violence`, `hate`, `harassment`, `self_harm`, `privacy`, `copyright`, `illegal`, `spam`, `other`.
    #[schema(value_type = String, example = "spam")]
    category: CategoryField,
    /// In your words.
    #[schema(max_length = 1000)]
    note: Option<String>,
}

impl ReportBody {
    /// What is wrong.
    pub(crate) fn category(&self) -> Category {
        self.category.0
    }

    /// In their words.
    pub(crate) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }
}

/// A case, as moderators see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CaseView {
    /// Its id.
    id: String,
    /// `image`, `comment` or `user`.
    target_kind: String,
    /// Which one.
    target_id: String,
    /// Whose.
    owner_id: String,
    /// `open`, `decided`, `appealed` or `closed`.
    state: String,
    /// What it was first opened for.
    category: String,
    /// How many people reported it.
    report_count: i64,
    /// `approve`, `hide`, `remove`, `warn` or `ban`.
    decision: Option<String>,
    /// For its owner.
    reason: Option<String>,
    /// By whom.
    decided_by: Option<String>,
    /// What its owner says against it.
    appeal: Option<String>,
    /// Whether the decision was taken back.
    overturned: Option<bool>,
    /// When it was opened.
    #[schema(format = DateTime)]
    opened_at: String,
    /// When it was decided.
    #[schema(format = DateTime)]
    decided_at: Option<String>,
}

impl From<Case> for CaseView {
    fn from(case: Case) -> Self {
        Self {
            id: case.id,
            target_kind: case.target_kind,
            target_id: case.target_id,
            owner_id: case.owner_id,
            state: case.state,
            category: case.category,
            report_count: case.report_count,
            decision: case.decision,
            reason: case.reason,
            decided_by: case.decided_by,
            appeal: case.appeal,
            overturned: case.overturned,
            opened_at: shown_time(case.opened_at),
            decided_at: case.decided_at.map(shown_time),
        }
    }
}

/// A case and its reports.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CaseDetailView {
    /// The case.
    case: CaseView,
    /// What people said of it.
    reports: Vec<ReportView>,
}

impl CaseDetailView {
    /// Of both.
    pub(crate) fn of(case: Case, reports: Vec<Report>) -> Self {
        Self { case: case.into(), reports: reports.into_iter().map(ReportView::from).collect() }
    }
}

/// What somebody said of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportView {
    /// Who.
    reporter_id: String,
    /// What is wrong with it.
    category: String,
    /// In their words.
    note: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<Report> for ReportView {
    fn from(report: Report) -> Self {
        let Report { reporter_id, category, note, created_at, .. } = report;
        Self { reporter_id, category, note, created_at: shown_time(created_at) }
    }
}

/// What was decided about one's own.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnCaseView {
    /// The case's id.
    id: String,
    /// `image`, `comment` or `user`.
    target_kind: String,
    /// Which one.
    target_id: String,
    /// `decided`, `appealed` or `closed`.
    state: String,
    /// `hide`, `remove`, `warn` or `ban`.
    decision: Option<String>,
    /// Why.
    reason: Option<String>,
    /// What you said against it.
    appeal: Option<String>,
    /// Whether the decision was taken back.
    overturned: Option<bool>,
    /// When it was decided.
    #[schema(format = DateTime)]
    decided_at: Option<String>,
}

impl From<Case> for OwnCaseView {
    fn from(case: Case) -> Self {
        Self {
            id: case.id,
            target_kind: case.target_kind,
            target_id: case.target_id,
            state: case.state,
            decision: case.decision,
            reason: case.reason,
            appeal: case.appeal,
            overturned: case.overturned,
            decided_at: case.decided_at.map(shown_time),
        }
    }
}

/// What a filter or a moderator found; never the text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FoundView {
    /// About whom.
    user_id: String,
    /// The case it was decided in.
    case_id: Option<String>,
    /// The job it was found in.
    job_id: Option<String>,
    /// `prompt`, `title`, `comment`, `profile` or `review`.
    stage: String,
    /// What kind of thing it is.
    category: String,
    /// `flag`, `refuse`, or what a moderator decided.
    decision: String,
    /// Strikes it is worth.
    strikes: i64,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// When it was taken back.
    #[schema(format = DateTime)]
    lifted_at: Option<String>,
}

impl From<Found> for FoundView {
    fn from(found: Found) -> Self {
        Self {
            user_id: found.user_id,
            case_id: found.case_id,
            job_id: found.job_id,
            stage: found.stage,
            category: found.category,
            decision: found.decision,
            strikes: found.strikes,
            at: shown_time(found.at),
            lifted_at: found.lifted_at.map(shown_time),
        }
    }
}
