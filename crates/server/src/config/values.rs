//! The layers laid over each other.

use std::{
    collections::BTreeMap,
    fmt::Display,
    path::{Path, PathBuf},
    str::FromStr,
};

use super::{
    ConfigError, Environment, Flags, Setting, file,
    setting::{Origin, Switch, Value},
    settings, storage,
};

/// The variable that names the configuration file.
pub const CONFIG_VARIABLE: &str = "EASEL_CONFIG";

/// Variables Easel reads that are no settings.
const OTHER_VARIABLES: &[&str] = &[CONFIG_VARIABLE];

/// The effective value of each setting that has one.
#[derive(Debug, Default)]
pub struct Values {
    by_key: BTreeMap<&'static str, Value>,
    /// The configuration file that was read.
    pub file: Option<PathBuf>,
    /// Variables with Easel's prefix that mean nothing, each with the nearest one that does.
    pub unknown_variables: Vec<(String, Option<&'static str>)>,
}

impl Values {
    /// Reads the layers, the weakest first.
    pub fn collect(flags: Flags, file: Option<&str>, environment: &Environment) -> Result<Self, ConfigError> {
        let mut values = Self::default();
        for setting in settings() {
            if let Some(text) = setting.fallback() {
                values.set(setting, text, Origin::Default);
            }
        }
        let from_environment = read_environment(environment)?;
        let data = data_dir(&flags, &from_environment);
        if let Some(path) = find_file(file, environment, data.as_deref())? {
            for (setting, text, line) in file::read(&path)? {
                values.set(setting, text, Origin::File(path.clone(), line));
            }
            values.file = Some(path);
        }
        values.by_key.extend(from_environment);
        for setting in settings() {
            if let Some(text) = flags.get(setting.key) {
                values.set(setting, text.clone(), Origin::Flag(setting.flag));
            }
        }
        values.unknown_variables = unknown_variables(environment);
        Ok(values)
    }

    fn set(&mut self, setting: &'static Setting, text: String, origin: Origin) {
        self.by_key.insert(setting.key, Value { text, origin });
    }

    /// A setting's value as written.
    pub fn raw(&self, setting: &Setting) -> Option<&Value> {
        self.by_key.get(setting.key)
    }

    /// A setting's value, where it has one.
    pub fn get<T>(&self, setting: &Setting) -> Result<Option<T>, ConfigError>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.raw(setting).map(|value| value.parse(setting)).transpose()
    }

    /// A setting's value; an error says how to set it.
    pub fn require<T>(&self, setting: &Setting) -> Result<T, ConfigError>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.get(setting)?.ok_or_else(|| {
            let variable = setting.env.first().copied().unwrap_or_default();
            ConfigError::new(format!("`{}` is not set, and this host gives no default", setting.key))
                .hint(format!("set it with --{} or {variable}", setting.flag))
        })
    }

    /// A yes or no that has a default.
    pub fn switch(&self, setting: &Setting) -> Result<bool, ConfigError> {
        self.require::<Switch>(setting).map(|switch| switch.0)
    }
}

/// What the environment sets. An empty variable counts as unset: compose files pass variables on that way.
fn read_environment(environment: &Environment) -> Result<BTreeMap<&'static str, Value>, ConfigError> {
    let mut found = BTreeMap::new();
    for setting in settings() {
        for name in setting.env {
            let text = match environment.get(*name).filter(|text| !text.is_empty()) {
                Some(text) => Some(text.clone()),
                None if setting.secret => read_secret(&format!("{name}_FILE"), environment)?,
                None => None,
            };
            if let Some(text) = text.filter(|text| !is_service_link(text)) {
                found.insert(setting.key, Value { text, origin: Origin::Environment((*name).to_owned()) });
                break;
            }
        }
    }
    Ok(found)
}

/// Kubernetes sets `<SERVICE>_PORT=tcp://10.0.0.1:80` for every service, so a service called "easel" would set `EASEL_PORT`.
fn is_service_link(text: &str) -> bool {
    text.starts_with("tcp://") || text.starts_with("udp://")
}

fn read_secret(variable: &str, environment: &Environment) -> Result<Option<String>, ConfigError> {
    let Some(path) = environment.get(variable).filter(|path| !path.is_empty()) else { return Ok(None) };
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) => Err(ConfigError::new(format!("{variable}: cannot read {path}: {error}"))),
    }
}

/// The data folder as far as it is known before the file is read, which may lie in it.
fn data_dir(flags: &Flags, environment: &BTreeMap<&'static str, Value>) -> Option<PathBuf> {
    let setting = &storage::DATA_DIR;
    let text = flags.get(setting.key).cloned().or_else(|| environment.get(setting.key).map(|value| value.text.clone()));
    text.or_else(|| setting.fallback()).map(PathBuf::from)
}

/// The file that is named, else the first of the usual places that has one. Only one file is read.
fn find_file(named: Option<&str>, environment: &Environment, data: Option<&Path>) -> Result<Option<PathBuf>, ConfigError> {
    let variable = environment.get(CONFIG_VARIABLE).filter(|path| !path.is_empty());
    if let Some((path, origin)) = named.map(|p| (p, "--config")).or_else(|| variable.map(|p| (p.as_str(), CONFIG_VARIABLE))) {
        let path = PathBuf::from(path);
        return match path.is_file() {
            true => Ok(Some(path)),
            false => Err(ConfigError::new(format!("{origin}: there is no file {}", path.display()))),
        };
    }
    Ok(usual_places(data).into_iter().find(|path| path.is_file()))
}

/// Where a configuration file is looked for, in order.
pub fn usual_places(data: Option<&Path>) -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from(file::NAME)];
    places.extend(data.map(|data| data.join(file::NAME)));
    places.extend(dirs::config_dir().map(|folder| folder.join("easel").join(file::NAME)));
    places
}

/// A misspelt variable is silently nothing; this finds it. Kubernetes' own `EASEL_SERVICE_…` and `EASEL_PORT_…` are left alone.
fn unknown_variables(environment: &Environment) -> Vec<(String, Option<&'static str>)> {
    let known: Vec<&'static str> =
        settings().flat_map(|s| s.env.iter().copied()).chain(OTHER_VARIABLES.iter().copied()).collect();
    let ours =
        |name: &&String| name.starts_with("EASEL_") && !name.starts_with("EASEL_SERVICE_") && !name.starts_with("EASEL_PORT_");
    let is_known = |name: &str| known.contains(&name) || name.strip_suffix("_FILE").is_some_and(|name| known.contains(&name));
    let unknown = environment.keys().filter(ours).filter(|name| !is_known(name));
    unknown.map(|name| (name.clone(), file::nearest(name, known.iter().copied()))).collect()
}
