//! Boxes made by [Landlock](https://landlock.io), for containers that may make no namespaces: a user
//! of its own, who can reach little, and a keeper (`keeper.rs`), who ends and removes what it leaves.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};

use super::bubblewrap::{MERGED, SYSTEM};
use super::inside;
use super::users::{User, is_root};
use super::{Limits, Plan};

/// Linux 6.12: the first that keeps signals in the box.
const LEAST: ABI = ABI::V6;
/// Devices that programs expect.
const DEVICES: [&str; 3] = ["/dev/null", "/dev/random", "/dev/urandom"];

/// The place of boxes that are made one after the other.
#[derive(Debug)]
pub struct Place {
    user: User,
    /// What a box may write to lies in it, and goes with the box.
    folder: PathBuf,
}

impl Place {
    /// Reserves one.
    ///
    /// # Errors
    /// If this is no place for such boxes; the sentence says what is missing.
    pub fn find() -> Result<Self> {
        ensure!(is_in_container(), "this is no container");
        ensure!(is_root(), "this user is not root");
        ruleset().context("the kernel does not do it")?;
        let temporary = std::env::temp_dir();
        ensure_reachable(&temporary)?;
        let user = User::reserve()?;
        let folder = temporary.join(format!("cuaderno-box-{}", user.number));
        Ok(Self { user, folder })
    }

    /// The folder of temporary files in a box.
    pub fn scratch(&self) -> PathBuf {
        self.folder.join("tmp")
    }

    /// The folder of the engine's in a box.
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Where a box has what the plan shows at `path`. Nothing is mounted, so that a box cannot write
    /// in the place itself: another folder stands for it, with links to what lies there.
    pub fn shown(&self, plan: &Plan, path: &Path) -> PathBuf {
        if let Some((kept, shown_at)) = &plan.kept
            && path == shown_at
        {
            return kept.clone();
        }
        let stands_in = |scratch: &PathBuf| !scratch.starts_with(&self.folder);
        let mut stood_for = plan.scratch.iter().filter(|scratch| stands_in(scratch));
        match stood_for.any(|scratch| path.starts_with(scratch)) {
            true => self
                .folder
                .join("at")
                .join(path.strip_prefix("/").unwrap_or(path)),
            false => path.to_path_buf(),
        }
    }

    /// `program` in a box. Arguments of the program may follow.
    ///
    /// # Errors
    /// If the box's user cannot reach what the plan shows.
    pub fn command(&self, plan: &Plan, limits: &Limits, program: &Path) -> Result<Command> {
        let own_binary = std::env::current_exe()?;
        let mut command = Command::new(&own_binary);
        command.env_clear().envs(plan.environment.iter().cloned());
        self.user.keep_by(&mut command)?;
        let user = self.user.number.to_string();
        command.args(["keep", "--user", &user, "--folder"]);
        command.arg(&self.folder).arg("--within").arg(&plan.folder);
        let mut written: Vec<PathBuf> =
            plan.scratch.iter().map(|at| self.shown(plan, at)).collect();
        for folder in &written {
            command.arg("--scratch").arg(folder);
        }
        for (path, link) in self.links(plan) {
            command.arg("--link").arg(path).arg(link);
        }
        command.arg("--").arg(own_binary);
        command
            .args(inside::arguments(limits))
            .args(["--user", &user]);
        let system = SYSTEM.iter().chain(&MERGED).chain(&["/usr"]);
        let system = system.map(PathBuf::from).filter(|path| path.exists());
        for path in system.chain(plan.read_only.iter().cloned()) {
            ensure_reachable(&path)?;
            command.arg("--read").arg(path);
        }
        written.extend(plan.kept.iter().map(|(kept, _)| kept.clone()));
        for folder in written {
            command.arg("--write").arg(folder);
        }
        command.arg("--").arg(program);
        Ok(command)
    }

    /// What lies in scratch folders that are there already, and the links to it in the box.
    fn links(&self, plan: &Plan) -> Vec<(PathBuf, PathBuf)> {
        let kept = plan.kept.iter().map(|(kept, shown_at)| (kept, shown_at));
        let shown = plan.read_only.iter().map(|path| (path, path)).chain(kept);
        let link = |(path, at): (&PathBuf, &PathBuf)| {
            let folder = plan.scratch.iter().find(|it| at.parent() == Some(it))?;
            let link = self.shown(plan, folder).join(at.file_name()?);
            Some((path.clone(), link))
        };
        shown.filter_map(link).collect()
    }
}

/// What a box may open.
#[derive(Args)]
pub struct Rules {
    /// A file or folder that may be read and executed; others may not.
    #[arg(long)]
    read: Vec<PathBuf>,
    /// A folder that may be written to as well.
    #[arg(long, requires = "read")]
    write: Vec<PathBuf>,
}

impl Rules {
    /// The rules, where there are any, ready to be enforced for good.
    ///
    /// # Errors
    /// If a path is not there, or the kernel does not know all that is asked of it.
    pub fn made(&self) -> Result<Option<RulesetCreated>> {
        if self.read.is_empty() {
            return Ok(None);
        }
        let mut rules = ruleset()?;
        let mut allow = |path: &Path, access: BitFlags<AccessFs>| -> Result<()> {
            let access = match path.is_dir() {
                true => access,
                false => access & AccessFs::from_file(LEAST),
            };
            let opened = PathFd::new(path).with_context(|| path.display().to_string())?;
            (&mut rules).add_rule(PathBeneath::new(opened, access))?;
            Ok(())
        };
        for path in &self.read {
            allow(path, AccessFs::from_read(LEAST))?;
        }
        for path in &self.write {
            allow(path, AccessFs::from_all(LEAST))?;
        }
        for path in DEVICES {
            allow(Path::new(path), AccessFs::ReadFile | AccessFs::WriteFile)?;
        }
        Ok(Some(rules))
    }
}

/// Takes all rights that the rules do not name from this process and all that it starts.
///
/// # Errors
/// If a right cannot be taken.
pub fn enforce(rules: RulesetCreated) -> Result<()> {
    let status = rules.restrict_self()?;
    ensure!(
        status.ruleset == RulesetStatus::FullyEnforced && status.no_new_privs,
        "Landlock enforces a part of the rules only: {status:?}"
    );
    Ok(())
}

/// Rules that allow nothing yet: no file, no connection, no signal to whoever is outside. An older
/// kernel, which would enforce some of it, is an error.
fn ruleset() -> Result<RulesetCreated> {
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(LEAST))?
        .handle_access(AccessNet::from_all(LEAST))?
        .scope(Scope::from_all(LEAST))?
        .create()?;
    Ok(rules)
}

/// Whether this is a container. Files and mounts tell, which only root makes: a variable would be
/// anybody's word.
fn is_in_container() -> bool {
    let marks = ["/.dockerenv", "/run/.containerenv"];
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    marks.iter().any(|mark| Path::new(mark).exists()) || has_mounted_hosts(&mounts)
}

/// Whether `/etc/hosts` is mounted by itself, as Kubernetes does in every container.
fn has_mounted_hosts(mounts: &str) -> bool {
    let mut points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    points.any(|point| point == "/etc/hosts")
}

/// Nothing is mounted for a box: what others than its owner cannot reach, its user cannot either.
fn ensure_reachable(path: &Path) -> Result<()> {
    let whole = path
        .canonicalize()
        .with_context(|| path.display().to_string())?;
    for place in whole.ancestors() {
        let needed = if place.is_dir() { 0o1 } else { 0o4 };
        let mode = fs::metadata(place)?.permissions().mode();
        ensure!(
            mode & needed != 0,
            "The user of a box by Landlock cannot reach {}: all users must be able to enter {}; \
             give it that right (chmod o+rx), or install elsewhere what lies in it",
            path.display(),
            place.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_of_kubernetes_is_known_by_its_mounts() {
        let container =
            "640 625 254:1 /pods/1/etc-hosts /etc/hosts rw,relatime - ext4 /dev/vda1 rw";
        let machine = "29 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw\n\
                       30 29 0:5 /etc/hosts /mnt rw - tmpfs /etc/hosts rw";
        assert!(has_mounted_hosts(&format!("{machine}\n{container}")));
        assert!(!has_mounted_hosts(machine));
    }

    #[test]
    fn what_only_its_owner_reaches_is_named() {
        let outer = tempfile::tempdir().unwrap();
        let file = outer.path().join("file");
        fs::write(&file, "").unwrap();
        fs::set_permissions(outer.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let error = ensure_reachable(&file).unwrap_err().to_string();
        let words = format!(
            "must be able to enter {}",
            outer.path().canonicalize().unwrap().display()
        );
        assert!(error.contains(&words), "{error}");
        fs::set_permissions(outer.path(), fs::Permissions::from_mode(0o755)).unwrap();
        ensure_reachable(&file).unwrap();
    }
}
