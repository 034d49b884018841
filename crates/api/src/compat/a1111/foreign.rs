//! Settings of A1111's that are not here: those that change no picture are taken, and those that would are refused by name, but for the value
//! that asks for nothing. Clients that have stored its settings send them all.

use serde_json::Value;

use super::neutral::refused;
use crate::ApiError;

/// What settings of A1111's disk, pages and process begin with.
const ELSEWHERE: [&str; 24] = [
    "samples_save",
    "samples_filename",
    "save_",
    "grid_",
    "outdir_",
    "directories_",
    "live_preview",
    "show_progress",
    "ui_",
    "api_",
    "enable_pnginfo",
    "return_grid",
    "do_not_",
    "export_for_4chan",
    "gallery_",
    "quicksettings",
    "sd_checkpoints_",
    "sd_checkpoint_",
    "sd_vae_",
    "memmon",
    "notification_",
    "jpeg_",
    // Of what restores faces there is nothing to choose.
    "face_restoration_",
    "code_former_",
];

/// The same of its other pages, of training and of what its extensions keep: clients that have stored its settings send them all.
const PAGES: [&str; 48] = [
    "add_",
    "canvas_",
    "clean_temp_dir",
    "compact_prompt_box",
    "control_net_",
    "cross_attention_optimization",
    "DAT_",
    "dataset_filename_",
    "deepbooru_",
    "disable_all_extensions",
    "disable_mmap",
    "disable_weights_auto_swap",
    "disabled_extensions",
    "dump_stacks",
    "enable_console_prompts",
    "ESRGAN_",
    "extra_networks_",
    "extra_options_",
    "font",
    "gradio_",
    "hidden_tabs",
    "hide_",
    "infotext_",
    "interrogate_",
    "js_",
    "keyedit_",
    "list_hidden_files",
    "localization",
    "lora_",
    "multiple_tqdm",
    "open_dir_button",
    "pin_memory",
    "postprocessing_",
    "prioritized_callbacks_",
    "realesrgan_",
    "restore_config_state_file",
    "send_",
    "settings_in_ui",
    "SWIN_",
    "target_side_length",
    "temp_dir",
    "textual_inversion_",
    "training_",
    "unload_models_when_training",
    "upscaling_max_images",
    "use_original_name_batch",
    "use_upscaler_name_as_suffix",
    "user_metadata_",
];

/// Settings that are here as one value alone, and what another would ask for.
const FIXED: [(&str, &[&str], &str); 21] = [
    ("sd_vae", &["", "Automatic", "None", "auto"], "another VAE than the model's own"),
    ("sd_unet", &["", "Automatic", "None"], "another denoiser than the model's own"),
    ("sd_hypernetwork", &["", "None"], "a hypernetwork"),
    ("sd_lora", &["", "None"], "a LoRA that no prompt names"),
    ("extra_networks_default_multiplier", &["1"], "another weight of LoRAs that a prompt gives none"),
    ("forge_additional_modules", &["[]"], "other parts of the model"),
    ("token_merging_ratio", &["0"], "token merging"),
    ("token_merging_ratio_img2img", &["0"], "token merging"),
    ("token_merging_ratio_hr", &["0"], "token merging"),
    ("skip_early_cond", &["0"], "first steps without the negative prompt"),
    ("face_restoration", &["false"], "the restoration of faces"),
    ("tiling", &["false"], "pictures that tile"),
    ("img2img_color_correction", &["false"], "the colours of the start picture"),
    ("img2img_extra_noise", &["0"], "noise over the start picture"),
    ("inpainting_mask_weight", &["1"], "a mask of half the weight"),
    ("upscaler_for_img2img", &["", "None"], "an upscaler for start pictures"),
    ("use_old_emphasis_implementation", &["false"], "an older arithmetic of weights"),
    ("use_old_karras_scheduler_sigmas", &["false"], "older noise levels"),
    ("dont_fix_second_order_samplers_schedule", &["false"], "older noise levels"),
    ("sd_noise_schedule", &["Default"], "other noise levels than the model's own"),
    ("emphasis", &["Original"], "another arithmetic of weights"),
];

/// A setting that is here as one value alone, or is A1111's own business.
pub fn check(name: &str, value: &Value) -> Result<(), ApiError> {
    if let Some((_, allowed, what)) = FIXED.iter().find(|(fixed, ..)| *fixed == name) {
        let written = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.as_f64().map(|number| number.to_string()).unwrap_or_default(),
            other => other.to_string(),
        };
        return if allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(&written)) {
            Ok(())
        } else {
            Err(refused(name, what))
        };
    }
    if ELSEWHERE.iter().chain(&PAGES).any(|beginning| name.starts_with(beginning)) {
        return Ok(());
    }
    let shown: String = name.chars().take(60).collect();
    Err(refused(&shown, "a setting"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_changes_nothing_is_taken_and_what_cannot_be_done_is_named() {
        for (name, value) in [
            ("sd_vae", json!("Automatic")),
            ("token_merging_ratio", json!(0)),
            ("token_merging_ratio", json!(0.0)),
            ("samples_filename_pattern", json!("[seed]")),
            ("save_images_add_number", json!(true)),
            ("sd_hypernetwork", json!("None")),
            ("sd_lora", json!("None")),
            ("forge_additional_modules", json!([])),
            ("img2img_color_correction", json!(false)),
            ("inpainting_mask_weight", json!(1.0)),
            ("upscaler_for_img2img", json!("None")),
            ("face_restoration_model", json!("CodeFormer")),
            ("code_former_weight", json!(0.5)),
            ("extra_networks_default_multiplier", json!(1.0)),
            ("localization", json!("None")),
            ("training_image_repeats_per_epoch", json!(1)),
        ] {
            assert_eq!(check(name, &value), Ok(()), "{name}");
        }
        for (name, value) in [
            ("sd_vae", json!("vae-ft-mse.pt")),
            ("token_merging_ratio", json!(0.5)),
            ("s_tmin_foo", json!(1)),
            ("forge_additional_modules", json!(["ae.safetensors"])),
            ("face_restoration", json!(true)),
            ("img2img_color_correction", json!(true)),
            ("inpainting_mask_weight", json!(0.5)),
        ] {
            assert_eq!(check(name, &value).unwrap_err().code(), "unsupported_parameter", "{name}");
        }
    }
}
