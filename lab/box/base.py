"""The system of the boxes, made once by mmdebstrap: a tar, from which kernel, initial file system and disks are taken."""

from __future__ import annotations

from pathlib import Path

from lab.box.recipe import HERE, ROOT, Recipe
from lab.embedded.image import archive, build, compiler, wheels
from lab.embedded.image.recipe import EXCLUDED_FOLDERS, PYTHON, SUITE
from lab.progress import Stages

DISK_MODULES = "virtio_pci\nvirtio_blk\next4\n"
LEFT_OUT = ("sound", "drivers/gpu", "drivers/media", "drivers/infiniband", "drivers/usb", "drivers/iio", "drivers/ata", "drivers/scsi", "drivers/md",
            "drivers/input", "drivers/hwmon", "drivers/i2c", "drivers/mtd", "drivers/staging", "drivers/bluetooth", "drivers/nfc", "drivers/isdn",
            "drivers/comedi", "drivers/firewire", "drivers/platform", "drivers/thunderbolt", "drivers/net/ethernet", "drivers/net/wireless",
            "drivers/net/wwan", "drivers/net/can", "drivers/net/usb", "net/bluetooth", "net/mac80211", "net/wireless", "net/nfc",
            "fs/btrfs", "fs/xfs", "fs/smb", "fs/nfs", "fs/nfsd", "fs/ceph", "fs/ocfs2", "fs/gfs2", "fs/f2fs")
"""Of the kernel's modules: hardware that a virtual machine with virtio does not have, and other file systems."""
MASKED = ("strongswan.service", "xl2tpd.service", "pppd-dns.service", "getty@tty1.service", "getty-static.service", "systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount", "systemd-random-seed.service", "systemd-networkd-persistent-storage.service",
          "systemd-journal-flush.service", "serial-getty@ttyS0.service", "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer",
          "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer", "man-db.timer", "systemd-networkd-wait-online.service", "systemd-pstore.service",
          "modprobe@drm.service", "modprobe@efi_pstore.service", "modprobe@configfs.service", "modprobe@fuse.service", "modprobe@loop.service",
          "modprobe@dm_mod.service", "systemd-hwdb-update.service", "ldconfig.service", "systemd-machine-id-commit.service", "dev-hugepages.mount",
          "dev-mqueue.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "keyboard-setup.service", "console-setup.service")
"""What nobody needs in a lab and an emulated processor would feel."""


def make_base(work: Path, recipe: Recipe, target: Path, stage: Stages, *, log: Path, lock: int) -> None:
    """Write `target` (a tar) and `log`.

    Raises:
        HostError: a tool is missing or failed; with the end of its output.
    """
    mode = build.must_choose_mode()
    stage("fetch wheels for the twin's Python")
    (work / "wheels").mkdir()
    wheels.unpack(wheels.download(work / "wheels"), work / "site")
    stage(f"mmdebstrap {SUITE} ({mode} mode, {len(recipe.packages)} packages and what they need)")
    site = f"/usr/local/lib/python{PYTHON}/dist-packages"
    key = (HERE / "vagrant.pub").read_text().strip()
    essential = [f'mkdir -p "$1"/etc/initramfs-tools/conf.d; cp {ROOT}/etc/initramfs-tools/conf.d/lab "$1"/etc/initramfs-tools/conf.d/lab']
    customize = [
        f'mkdir -p "$1"{site}', f"sync-in {work}/site {site}", f"sync-in {ROOT} /",
        *compiler.compile_plugins(work, lock=lock),
        'chroot "$1" chown -R root:root /etc/sudoers.d /etc/systemd /etc/ssh /etc/lab /etc/fstab /etc/hostname; chmod 440 "$1"/etc/sudoers.d/vagrant',
        f'chroot "$1" python3 -m compileall -q -f --invalidation-mode unchecked-hash /usr/lib/python3 /usr/lib/python{PYTHON} {site}',
        """chroot "$1" useradd -m -s /bin/sh -p '*' vagrant""",  # no password; "!", the default, would lock the account for keys too
        f'install -d -m 700 "$1"/home/vagrant/.ssh; echo "{key}" > "$1"/home/vagrant/.ssh/authorized_keys;'
        ' chroot "$1" chown -R vagrant:vagrant /home/vagrant/.ssh; chmod 600 "$1"/home/vagrant/.ssh/authorized_keys',
        f'printf "{DISK_MODULES}" >> "$1"/etc/initramfs-tools/modules; chroot "$1" update-initramfs -u -k all',
        f'chroot "$1" systemctl mask {" ".join(MASKED)}; chroot "$1" systemctl enable systemd-networkd.service ssh.service',
        'rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/resolv.conf "$1"/etc/apt/apt.conf.d/99mmdebstrap; : > "$1"/etc/machine-id',
    ]
    dpkg = [f"path-exclude=/usr/share/{folder}/*" for folder in EXCLUDED_FOLDERS] + ["path-include=/usr/share/doc/*/copyright"]
    dpkg += [f"path-exclude=/usr/lib/modules/*/kernel/{part}/*" for part in LEFT_OUT] + ["path-exclude=/usr/lib/*-linux-gnu/gconv/*", "force-unsafe-io"]
    command = [
        "mmdebstrap", f"--mode={mode}", "--variant=apt", "--format=tar", f"--include={','.join(recipe.packages)}",
        '--aptopt=APT::Install-Recommends "false"', '--aptopt=Acquire::Languages "none"', *archive.apt_options(),
        *[f"--dpkgopt={option}" for option in dpkg], "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        *[f"--essential-hook={hook}" for hook in essential], *[f"--customize-hook={hook}" for hook in customize],
        SUITE, str(target), *archive.sources(),
    ]
    build.run_mmdebstrap(command, work, log=log, kept=log, stage=stage, lock=lock, what="the boxes' system")
