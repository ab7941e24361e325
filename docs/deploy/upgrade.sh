#!/bin/sh
# Brings an installed Reprise to another version without losing work:
#   sudo docs/deploy/upgrade.sh v2.1          (or a branch, or nothing: what was put in place by other means)
# Stages that run may end first, for ten minutes; what is left then ends at a checkpoint and goes on where it was. When
# anything fails, the version from before is put back and started. Whether the version is there, and can be put in place,
# is looked at before anything is paused.
#
# Where there is no systemd, or two units have other names: UPGRADE_STOP and UPGRADE_START are the commands to use,
# UPGRADE_AS runs a command as the account of the service, UPGRADE_DRAIN_S is how long stages may take to end.
set -eu

ROOT=$(dirname -- "$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")")
STOP=${UPGRADE_STOP:-systemctl stop reprise-dashboard reprise}
START=${UPGRADE_START:-systemctl start reprise reprise-dashboard}
AS=${UPGRADE_AS-runuser -u reprise -- env HOME=/var/lib/reprise REPRISE_STORAGE=/var/lib/reprise/storage}
DRAIN_S=${UPGRADE_DRAIN_S:-600}
WANTED=${1:-}
REPRISE=${UPGRADE_REPRISE:-$ROOT/reprise}

say() { printf 'upgrade: %s\n' "$*" >&2; }
refuse() { say "$1; nothing was changed"; exit 2; }
reprise() {
    # shellcheck disable=SC2086 # a command with its arguments
    $AS "$REPRISE" "$@"
}
commit() { git -C "$ROOT" rev-parse --quiet --verify "$1^{commit}"; }
number() { reprise status --json | tr ',{}' '\n\n\n' | sed -n "s/.*\"$1\": *\\([0-9][0-9]*\\).*/\\1/p" | head -n 1; }

case $WANTED in
-h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit ;;
-*) refuse "there is no option $WANTED (see --help)" ;;
esac
[ $# -le 1 ] || refuse "one version is taken, not $# (see --help)"
reprise status --json >/dev/null || refuse "the account of the service cannot run $REPRISE"
if [ -n "$WANTED" ]; then
    git -C "$ROOT" fetch --quiet --tags || say "nothing was fetched; what is here is looked at"
    # A branch of the working copy is where it was when it was cloned; what was fetched is the remote's.
    VERSION=$(commit "refs/tags/$WANTED" || commit "refs/remotes/origin/$WANTED" || commit "$WANTED") ||
        refuse "there is no version $WANTED"
    git -C "$ROOT" diff --quiet HEAD || refuse "files in $ROOT were changed by hand (git status), and would be in the way"
fi

paused=no
stopped=no
before=
back() { # whatever went wrong: the version from before, started, and working
    code=$?
    [ "$code" -eq 0 ] && return
    say "it failed; going back${before:+ to $before}"
    [ -z "$before" ] || git -C "$ROOT" checkout --quiet --detach "$before" || true
    [ "$stopped" = no ] || $START || say "it could not be started: look at its log"
    [ "$paused" = no ] || reprise resume >/dev/null || say "everything is still paused: ./reprise resume"
    exit "$code"
}
trap back EXIT
trap 'exit 130' INT TERM

# What a person paused stays paused.
if reprise status --json | grep -q '"status": *"paused"'; then
    say "everything is paused already, and stays so"
else
    reprise pause --drain --reason upgrade >/dev/null
    paused=yes
    say "nothing new is begun; stages that run may end within $DRAIN_S s"
fi
waited=0
while [ "$(number active_workers)" -gt 0 ] && [ "$waited" -lt "$DRAIN_S" ]; do
    sleep 1
    waited=$((waited + 1))
done

say "stopping; what still runs ends at a checkpoint"
stopped=yes
$STOP
if [ -n "$WANTED" ]; then
    before=$(git -C "$ROOT" rev-parse HEAD)
    git -C "$ROOT" checkout --quiet --detach "$VERSION"
fi
# Any verb installs what requirements.txt asks for, if that changed: as whoever runs this, since the service's account
# may not write here.
"$REPRISE" check --help >/dev/null
reprise check >/dev/null || [ $? -ne 6 ] || say "something is damaged: ./reprise check tells what; it was so before"

$START
tried=0
until reprise status --json | grep -q '"alive": *true'; do
    tried=$((tried + 1))
    [ "$tried" -lt 60 ] || { say "no service came up"; exit 1; }
    sleep 1
done
[ "$paused" = no ] || reprise resume >/dev/null
paused=no
say "done: $(number pending) runs wait, $(number processing) are worked on"
