//! Drawing while the client waits: rounds one after another, each perhaps with a second pass, told to whoever asks for progress, left when it
//! is interrupted or skipped, and paid when the pictures are stored.
//!
//! The tickets live in the handler's future, so that a client that goes away stops them, and nothing is paid.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Json;
use easel_engine::{Picture, Resolved, Terms, Ticket};
use easel_imaging::{
    Infotext, Kernel,
    canny::{canny, in_rgb},
    repaint::{Region, crop, fit},
    resample,
};
use easel_platform::{
    orders::{Drawing, Order, Work},
    worker::{Writing, infotext},
};
use easel_types::{
    ControlBalance, ControlUse, FromLatents, GenerationRequest, Handover, LatentCell, LatentFill, Noising, Quality, Rgb8, Task,
    Variation,
};
use tokio::sync::OwnedSemaphorePermit;

use base64::Engine as _;

use super::{
    heard,
    passes::{Passed, give_up, is_left_there, pass},
    pictures::{self, ENCODER, blocking},
    starts::{self, Begin},
    there,
};
use crate::{
    ApiError, AppState,
    auth::Caller,
    compat::a1111::{
        control::{self, Module, Unit},
        hires::Hires,
        request::{Asked, Start},
        response::{DrawnView, Info},
    },
    generation::Paid,
    ordering::{check_sides, size_elsewhere},
    outward::{self, Outward, There, model_of},
};

/// How much later than its time limit a request may be answered.
const GRACE: Duration = Duration::from_secs(5);

/// Draws, and answers.
pub(super) async fn answer(
    state: &AppState,
    caller: &Caller,
    asked: Asked,
    place: Option<OwnedSemaphorePermit>,
) -> Result<Json<DrawnView>, ApiError> {
    // The engine keeps the time limit; this one is for an engine that does not answer at all.
    let timeout = state.config.generation_timeout + GRACE;
    let drawing = async {
        let begun = Begun::new(state, caller, asked).await?;
        // The pictures that were sent are read.
        drop(place);
        begun.draw().await
    };
    tokio::time::timeout(timeout, drawing).await.unwrap_or_else(|_| Err(ApiError::timeout()))
}

/// A request whose pictures are at hand.
struct Begun<'a> {
    state: &'a AppState,
    caller: &'a Caller,
    asked: Asked,
    /// Pixels of the first pass.
    size: (u32, u32),
    /// What all its pictures start from, or each of a round.
    starts: Vec<Begin>,
    /// What each ControlNet looks at.
    controls: Vec<(Unit, Arc<Rgb8>)>,
    deadline: Instant,
}

/// A picture on its way into its file.
struct Made {
    text: Infotext,
    picture: Picture,
}

impl<'a> Begun<'a> {
    async fn new(state: &'a AppState, caller: &'a Caller, asked: Asked) -> Result<Self, ApiError> {
        let deadline = Instant::now() + state.config.generation_timeout;
        // A size that is out of bounds is not worth reading pictures for.
        let size = match &asked.options.missing {
            None => state.engine.output_size(&asked.generation)?,
            Some(_) => size_elsewhere(&asked.generation),
        };
        if asked.options.missing.is_some() {
            check_sides([size.0, size.1])?;
        }
        let (starts, first) = starts::of(state, &caller.user.id, &asked, size).await?;
        let mut controls = Vec::with_capacity(asked.units.len());
        for unit in &asked.units {
            let image = match (&unit.image, &first) {
                (Some(image), _) => {
                    let image = pictures::read(state, &caller.user.id, "image", image).await?;
                    Arc::new(pictures::flattened(image, asked.options.background))
                }
                (None, Some(first)) => Arc::clone(first),
                (None, None) => {
                    return Err(ApiError::invalid("image", "missing_required_parameter", "a ControlNet needs an `image`"));
                }
            };
            controls.push((unit.clone(), image));
        }
        Ok(Self { state, caller, asked, size, starts, controls, deadline })
    }

    async fn draw(self) -> Result<Json<DrawnView>, ApiError> {
        let hires = match &self.asked.from {
            Start::Noise { hires } => hires.as_deref(),
            Start::Picture { .. } => None,
        };
        let (rounds, batch) = (self.asked.count.rounds, self.asked.count.batch);
        let passes = if hires.is_some() { 2 } else { 1 };
        let entered = self.state.a1111.tasks.enter(
            &self.caller.user.id,
            self.asked.task_id.clone(),
            rounds * passes,
            timestamp(self.state.now()),
        );
        let task = &entered.task;
        let _hearing = heard::hear(self.state, &self.caller.user.id, task);
        let low = self.controls(false, self.size).await?;
        let (mut first, mut paid): (Option<Resolved>, Option<Paid>) = (None, None);
        let outward = self.outward(&low, hires.is_some()).await?;
        if let Some(outward) = &outward
            && let Some(local) = outward.leaves(self.state)?
        {
            let held = Paid::hold_with(self.state, self.caller, outward.order(), Some(outward.offer())).await?;
            match held.elsewhere(self.state, outward, local, task.left()).await {
                Ok(outward::Asked::There(there)) => return self.drawn_there(&task.timestamp, there),
                Ok(outward::Asked::Here(held)) => paid = Some(*held),
                Err(error) if is_left_there(task, &error) => return self.left_there(&task.timestamp),
                Err(error) => return Err(error),
            }
        }
        let mut made: Vec<Made> = Vec::new();
        for round in 0..rounds {
            if task.is_interrupted() {
                break;
            }
            let cells: Vec<LatentCell> = match hires {
                Some(Hires { latent: Some(_), .. }) => (0..batch).map(|_| LatentCell::default()).collect(),
                _ => Vec::new(),
            };
            let mut tickets = Vec::with_capacity(self.starts.len());
            for (start, index) in self.starts.iter().zip(0..) {
                // Seeds go on from the very first, which the engine may have drawn a moment ago.
                let before = tickets.first().map(|ticket: &Ticket| ticket.resolved()[0].seed);
                let seed = first.as_ref().map(|first| first.seed).or(before);
                let request = GenerationRequest {
                    task: start.task.clone(),
                    controls: low.clone(),
                    handover: Handover { leave: cells.clone(), picture: start.encoded.clone(), ..Handover::default() },
                    num_images: if self.starts.len() > 1 { 1 } else { batch },
                    ..of_round(&self.asked.generation, seed, u64::from(round * batch), index)
                };
                tickets.push(self.state.engine.submit_on(request, &self.terms())?);
            }
            let resolved = tickets[0].resolved()[0].clone();
            let held = match paid.take() {
                Some(held) => held,
                None => {
                    let offer = outward.as_ref().map(Outward::offer);
                    Paid::hold_with(self.state, self.caller, &self.order(&resolved, hires), offer).await?
                }
            };
            let held = paid.insert(held);
            let steps = resolved.num_inference_steps;
            first.get_or_insert(resolved);
            let passed = tokio::select! {
                passed = pass(task, round * passes, steps, tickets) => passed,
                stopped = held.stopped() => return Err(stopped),
            };
            let mut passed = match passed {
                Passed::Drawn(pictures) => self.told(pictures).await?,
                Passed::Left => continue,
                Passed::Failed(error) if made.is_empty() => {
                    let Some(paid) = paid.take() else { return Err(error.into()) };
                    return match paid.after(self.state, outward.as_ref(), error, task.left()).await {
                        Ok(there) => self.drawn_there(&task.timestamp, there),
                        Err(error) if is_left_there(task, &error) => self.left_there(&task.timestamp),
                        Err(error) => Err(error),
                    };
                }
                failed => return Err(give_up(paid, failed).await),
            };
            if let Some(hires) = hires {
                let tickets = self.second_tickets(hires, &passed, &cells).await?;
                let steps = hires.steps.unwrap_or(steps);
                let second = tokio::select! {
                    second = pass(task, round * passes + 1, steps, tickets) => second,
                    stopped = held.stopped() => return Err(stopped),
                };
                match second {
                    Passed::Drawn(pictures) => {
                        passed.iter_mut().zip(pictures).for_each(|(made, picture)| {
                            hires.tell(&mut made.text, hires.strength);
                            made.picture = picture;
                        });
                    }
                    Passed::Left => continue,
                    failed => return Err(give_up(paid, failed).await),
                }
            }
            made.extend(passed);
        }
        let interrupted = || ApiError::new(axum::http::StatusCode::CONFLICT, "cancelled", "the request was interrupted");
        let (first, paid) = (first.ok_or_else(interrupted)?, paid.ok_or_else(interrupted)?);
        self.delivered(&task.timestamp, &first, paid, made).await
    }

    /// As somebody else may draw it; a second pass, and what is put back into another picture, is this host's work.
    async fn outward(&self, controls: &[ControlUse], again: bool) -> Result<Option<Outward>, ApiError> {
        // Nobody else mixes the noise of two seeds.
        let noising = &self.asked.generation.noising;
        let mixed = noising.variation.is_some() || noising.resized_from.is_some();
        let [Begin { task, back: None, .. }] = self.starts.as_slice() else { return Ok(None) };
        if again || mixed {
            return Ok(None);
        }
        let (task, controls, num_images) = (task.clone(), controls.to_vec(), self.asked.count.total());
        let request = GenerationRequest { task, controls, num_images, ..self.asked.generation.clone() };
        let order = there::order(&self.asked, &model_of(self.state, &request));
        Outward::of(self.state, self.caller, order, &request).await
    }

    fn drawn_there(&self, timestamp: &str, there: There) -> Result<Json<DrawnView>, ApiError> {
        there::drawn(&self.asked, model_of(self.state, &self.asked.generation), timestamp, there)
    }

    fn left_there(&self, timestamp: &str) -> Result<Json<DrawnView>, ApiError> {
        there::left(&self.asked, model_of(self.state, &self.asked.generation), timestamp)
    }

    /// Stores what was made, pays, and answers; what was left before anything was made costs nothing.
    async fn delivered(
        &self,
        timestamp: &str,
        first: &Resolved,
        paid: Paid,
        made: Vec<Made>,
    ) -> Result<Json<DrawnView>, ApiError> {
        let seeds = made.iter().map(|made| made.picture.resolved.seed).collect();
        let texts = made.iter().map(|made| made.text.to_string()).collect();
        let mut images = Vec::with_capacity(made.len());
        if !made.is_empty() {
            let options = &self.asked.options;
            let writing = Writing {
                format: options.format,
                quality: Quality::Normal,
                compression: options.quality,
                lossless: options.lossless,
                fast: true,
            };
            let numbered = (0..).zip(made).map(|(index, made)| (made.text, Picture { index, ..made.picture })).collect();
            let delivered = paid.deliver_told(self.state, &writing, numbered).await?;
            if self.asked.send_images {
                images.extend(delivered.iter().map(|delivered| ENCODER.encode(&delivered.bytes)));
            }
        }
        let info = self.info(first, timestamp, seeds, texts);
        let info = serde_json::to_string(&info).map_err(|_| ApiError::internal())?;
        Ok(Json(DrawnView { images, parameters: self.asked.echo.clone(), info }))
    }

    fn info(&self, first: &Resolved, timestamp: &str, seeds: Vec<u64>, texts: Vec<String>) -> Info {
        let (strength, told) = match &self.asked.from {
            Start::Noise { hires: Some(hires) } => (Some(hires.strength), hires.told().to_vec()),
            Start::Noise { hires: None } => (None, Vec::new()),
            Start::Picture { strength, repaint, .. } => {
                (Some(*strength), if self.starts[0].back.is_some() { repaint.told() } else { Vec::new() })
            }
        };
        let told = told.into_iter().chain(control::told(&self.asked.units));
        let model = self.state.engine.find_model(Some(&first.model));
        let inpaints = matches!(self.starts[0].task, Task::Inpaint { .. });
        Info {
            denoising_strength: strength,
            extra_generation_params: told.map(|(key, value)| (key.to_owned(), value)).collect(),
            batch_size: self.asked.count.batch,
            job_timestamp: timestamp.to_owned(),
            styles: self.asked.styles.clone(),
            is_using_inpainting_conditioning: inpaints && model.is_ok_and(|model| model.has_mask_channels),
            masked: self.asked.masked.clone(),
            ..Info::new(first, seeds, texts)
        }
    }

    /// Pictures of the first pass with what is written into their files, put back where they are a part of another.
    async fn told(&self, pictures: Vec<Picture>) -> Result<Vec<Made>, ApiError> {
        let mut made = Vec::with_capacity(pictures.len());
        for (place, picture) in pictures.into_iter().enumerate() {
            let mut text = infotext(&picture.resolved);
            crate::compat::a1111::infotext::insert(&mut text, control::told(&self.asked.units));
            // One start for all of them, or each its own.
            let start = self.starts.get(place).unwrap_or(&self.starts[0]);
            let image = match (&start.back, &self.asked.from) {
                (Some(back), Start::Picture { repaint, .. }) => {
                    crate::compat::a1111::infotext::insert(&mut text, repaint.told());
                    let (back, drawn) = (back.clone(), picture.image.clone());
                    blocking(move || back.apply(&drawn)).await??
                }
                _ => picture.image.clone(),
            };
            made.push(Made { text, picture: Picture { image, ..picture } });
        }
        Ok(made)
    }

    /// The requests of the second pass, one for each picture.
    async fn second_tickets(&self, hires: &Hires, first: &[Made], cells: &[LatentCell]) -> Result<Vec<Ticket>, ApiError> {
        let request = hires.request(&self.asked.generation);
        let controls = self.controls(true, (hires.width, hires.height)).await?;
        let mut tickets = Vec::with_capacity(first.len());
        for made in first {
            let image = made.picture.image.clone();
            let (size, enlarged, kernel) = ((hires.width, hires.height), hires.enlarged, hires.kernel);
            let image = blocking(move || enlarge(&image, size, enlarged, kernel)).await??;
            let task = Task::ImageToImage { image: Arc::new(image), strength: hires.strength };
            let cell = cells.get(made.picture.index as usize).cloned();
            let from = cell.zip(hires.latent).map(|(cell, scaling)| FromLatents { cell, scaling, enlarged });
            let resolved = &made.picture.resolved;
            let request = GenerationRequest {
                task,
                seed: Some(resolved.seed),
                controls: controls.clone(),
                noising: Noising { variation: resolved.noising.variation, ..request.noising.clone() },
                handover: Handover { from, ..Handover::default() },
                ..request.clone()
            };
            tickets.push(self.state.engine.submit_on(request, &self.terms())?);
        }
        Ok(tickets)
    }

    /// The ControlNets of the first pass, or of the second, with their pictures at its size.
    async fn controls(&self, second: bool, (width, height): (u32, u32)) -> Result<Vec<ControlUse>, ApiError> {
        let mut uses = Vec::new();
        for (unit, image) in self.controls.iter().filter(|(unit, _)| if second { unit.high } else { unit.low }) {
            let (image, how, module) = (Arc::clone(image), unit.fit, unit.module);
            let seen = move || {
                let fitted = fit(&image, width, height, how)?;
                Ok::<_, easel_imaging::ImagingError>(match module {
                    Module::None => fitted,
                    Module::Canny { low, high } => in_rgb(&canny(&fitted, low, high)),
                })
            };
            let image = Arc::new(blocking(seen).await??);
            // The extension is softer with edges in a second pass, whatever a request says: they would leave traces.
            let balance = match (unit.balance, unit.module) {
                (ControlBalance::Balanced, Module::Canny { .. }) if second => ControlBalance::Prompt,
                (balance, _) => balance,
            };
            let (model, weight, start, end) = (unit.model.clone(), unit.weight, unit.start, unit.end);
            uses.push(ControlUse { model, image, weight, start, end, balance });
        }
        Ok(uses)
    }

    fn terms(&self) -> Terms {
        Terms {
            user: Some(self.caller.user.id.clone()),
            time_limit: Some(self.deadline.saturating_duration_since(Instant::now())),
            preview_every: self.asked.options.preview_every(),
            ..Terms::default()
        }
    }

    /// What was asked for, for the job's row.
    fn order(&self, first: &Resolved, hires: Option<&Hires>) -> Order {
        let asked = &self.asked.generation;
        let size = hires.map_or((first.width, first.height), |hires| (hires.width, hires.height));
        // What the second pass says is looked through, too.
        let prompts = [Some(asked.prompt.as_str()), hires.and_then(|hires| hires.prompt.as_deref())];
        let prompt = prompts.into_iter().flatten().collect::<Vec<_>>().join("\n");
        let drawing = Drawing {
            negative_prompt: asked.negative_prompt.clone(),
            width: Some(size.0),
            height: Some(size.1),
            steps: Some(first.num_inference_steps),
            guidance: Some(first.guidance_scale),
            sampler: Some(first.sampler),
            schedule: Some(first.schedule),
            eta: asked.eta,
            clip_skip: asked.clip_skip,
            seed: Some(first.seed),
            count: self.asked.count.total(),
            styled: self.asked.styled.clone(),
            masked: self.asked.masked.clone(),
            ..Drawing::new(&first.model.0, &prompt)
        };
        Order { work: Work::Draw(Box::new(drawing)), output: there::output(&self.asked.options) }
    }
}

/// A round's request, `drawn` pictures after the first, or of picture `index` of it alone: seeds go on from the first picture's, or with a
/// variation the other seed does.
fn of_round(asked: &GenerationRequest, first_seed: Option<u64>, drawn: u64, index: u64) -> GenerationRequest {
    let seed = first_seed.or(asked.seed);
    let variation = asked.noising.variation;
    let fill = match asked.noising.fill {
        LatentFill::Noise { .. } if variation.is_none() => LatentFill::Noise { back: drawn },
        fill => fill,
    };
    let further = drawn.wrapping_add(index);
    let varied = variation.map(|other| Variation { seed: other.seed.wrapping_add(further), ..other });
    let seed = if variation.is_some() { seed } else { seed.map(|seed| seed.wrapping_add(further)) };
    GenerationRequest { seed, noising: Noising { variation: varied, fill, ..asked.noising.clone() }, ..asked.clone() }
}

/// Enlarged, and the middle of it if that has another shape.
fn enlarge(image: &Rgb8, size: (u32, u32), enlarged: (u32, u32), kernel: Kernel) -> Result<Rgb8, easel_imaging::ImagingError> {
    let (width, height) = (enlarged.0.max(size.0), enlarged.1.max(size.1));
    let large = resample(image, width, height, kernel)?;
    if (width, height) == size {
        return Ok(large);
    }
    crop(&large, Region { x: (width - size.0) / 2, y: (height - size.1) / 2, width: size.0, height: size.1 })
}

/// As A1111 writes times.
fn timestamp(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
    time.map(|time| time.format("%Y%m%d%H%M%S").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_go_on_over_rounds_and_those_of_variations_in_the_other_seed() {
        let mut asked = GenerationRequest { seed: Some(5), ..GenerationRequest::text_to_image("a cat") };
        asked.noising.fill = LatentFill::Noise { back: 0 };
        let second = of_round(&asked, Some(5), 4, 0);
        assert_eq!((second.seed, second.noising.fill), (Some(9), LatentFill::Noise { back: 4 }));
        let alone = of_round(&asked, Some(5), 4, 2);
        assert_eq!((alone.seed, alone.noising.fill), (Some(11), LatentFill::Noise { back: 4 }));
        asked.noising.variation = Some(Variation { seed: 70, strength: 0.5 });
        let second = of_round(&asked, Some(5), 3, 1);
        assert_eq!((second.seed, second.noising.variation.map(|other| other.seed)), (Some(5), Some(74)));
        assert_eq!(second.noising.fill, LatentFill::Noise { back: 0 });
        asked.seed = None;
        assert_eq!(of_round(&asked, None, 0, 0).seed, None, "the engine draws it");
    }

    #[test]
    fn times_are_fourteen_digits() {
        assert_eq!(timestamp(0), "19700101000000");
        assert_eq!(timestamp(1_790_000_000), "20260921141320");
    }

    #[test]
    fn what_hangs_over_is_cut_off_on_both_sides() {
        let pixels = (0..4u8).flat_map(|x| [x * 80; 3]).collect();
        let picture = Rgb8::new(4, 1, pixels).expect("a size");
        let cut = enlarge(&picture, (4, 2), (8, 2), Kernel::Nearest).expect("a size");
        assert_eq!(cut.pixels()[..12].iter().step_by(3).copied().collect::<Vec<_>>(), [80, 80, 160, 160]);
    }
}
