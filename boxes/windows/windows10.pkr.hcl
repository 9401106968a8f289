# A Windows 10 box for Vagrant, made from the evaluation ISO: qemu builder -> libvirt, virtualbox-iso builder -> virtualbox.
# Usage and requirements: README.md beside this file. Not run here: neither Packer nor an ISO was at hand.
#
#   packer init boxes/windows && packer build -only=qemu.windows10 -var iso_url=... -var iso_checksum=sha256:... boxes/windows
#
# Sources: packer-plugin-qemu (docs-partials/builder/qemu, builder/qemu/step_run.go), packer-plugin-virtualbox (docs-partials), the
# communicator's partial WinRM-not-required.mdx in hashicorp/packer.

packer {
  required_version = ">= 1.10.0"
  required_plugins {
    qemu = {
      source  = "github.com/hashicorp/qemu"
      version = ">= 1.1.0"
    }
    vagrant = {
      source  = "github.com/hashicorp/vagrant"
      version = ">= 1.1.0"
    }
    virtualbox = {
      source  = "github.com/hashicorp/virtualbox"
      version = ">= 1.1.0"
    }
  }
}

# No address is given here, because none could be checked: Microsoft's evaluation pages hand out links that change.
variable "iso_url" {
  type        = string
  description = "Path or URL of the ISO: Windows 10 Enterprise (22H2 or LTSC 2019) Evaluation, 64 bit, English."
}

variable "iso_checksum" {
  type        = string
  description = "sha256:... of that ISO, from where you got it."

  validation {
    condition     = can(regex("^sha256:[0-9a-fA-F]{64}$", var.iso_checksum))
    error_message = "The value must be sha256: and 64 hexadecimal digits; sha256sum prints them."
  }
}

variable "accelerator" {
  type        = string
  default     = "kvm"
  description = "qemu only. Without KVM the installation takes hours rather than half an hour: tcg, together with cpu_model=max."
}

variable "cpu_model" {
  type    = string
  default = "host,hv_relaxed,hv_spinlocks=0x1fff,hv_vapic,hv_time"
}

variable "cpus" {
  type    = number
  default = 2
}

variable "memory" {
  type        = number
  default     = 4096
  description = "MB. Windows 10 installs with 2048, slowly."
}

variable "disk_size" {
  type        = number
  default     = 61440
  description = "MB; grows as it is used, about 15 GB after the installation (inferred)."
}

variable "headless" {
  type    = bool
  default = true
}

variable "output_folder" {
  type        = string
  default     = "build/boxes"
  description = "Where the .box file goes, and until then the disk; relative to where Packer is started."
}

locals {
  # Windows Setup finds Autounattend.xml on a floppy disk without further tools on this machine.
  floppy = ["${path.root}/Autounattend.xml", "${path.root}/setup-winrm.ps1"]
  # Over WinRM: no sysprep, the box keeps its identity; every machine made of it is alone in its lab.
  shutdown = "shutdown.exe /s /t 5 /f /d p:4:1"
}

source "qemu" "windows10" {
  iso_url      = var.iso_url
  iso_checksum = var.iso_checksum
  floppy_files = local.floppy
  # Made by Packer, and removed when the box is packed.
  output_directory = "${var.output_folder}/qemu"
  accelerator      = var.accelerator
  # q35 puts drives of the interface "ide" on its AHCI controller, which is SATA; the firmware is SeaBIOS as long as none is named.
  machine_type   = "q35"
  disk_interface = "ide"
  disk_size      = "${var.disk_size}M"
  format         = "qcow2"
  cpus           = var.cpus
  memory         = var.memory
  headless       = var.headless
  # The builder's list of adapters lacks e1000e, so the devices are given to QEMU; its own check is content with a name that begins with this.
  net_device = "e1000"
  qemuargs = [
    ["-cpu", var.cpu_model],
    ["-rtc", "base=utc"],
    # The first adapter is the management network, the second stands for the lab's and reaches nothing.
    ["-netdev", "user,id=user.0,hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:5986"],
    ["-netdev", "user,id=lab.0,restrict=on"],
    ["-device", "e1000e,netdev=user.0"],
    ["-device", "e1000e,netdev=lab.0"],
  ]
  # Packer's client sends NTLM messages unencrypted (hashicorp/packer#6205), which Windows takes over HTTPS only.
  communicator     = "winrm"
  winrm_username   = "vagrant"
  winrm_password   = "vagrant"
  winrm_use_ntlm   = true
  winrm_use_ssl    = true
  winrm_insecure   = true
  winrm_timeout    = "3h"
  shutdown_command = local.shutdown
  shutdown_timeout = "15m"
}

source "virtualbox-iso" "windows10" {
  iso_url              = var.iso_url
  iso_checksum         = var.iso_checksum
  floppy_files         = local.floppy
  output_directory     = "${var.output_folder}/virtualbox"
  guest_os_type        = "Windows10_64"
  firmware             = "bios"
  hard_drive_interface = "sata"
  disk_size            = var.disk_size
  cpus                 = var.cpus
  memory               = var.memory
  headless             = var.headless
  rtc_time_base        = "UTC"
  guest_additions_mode = "disable"
  # VirtualBox has no e1000e; Windows 10 brings a driver for its 82540EM too.
  nic_type = "82540EM"
  vboxmanage = [
    ["modifyvm", "{{ .Name }}", "--nic2", "intnet", "--nictype2", "82540EM", "--intnet2", "packer-lab"],
  ]
  communicator     = "winrm"
  winrm_username   = "vagrant"
  winrm_password   = "vagrant"
  winrm_use_ntlm   = true
  winrm_use_ssl    = true
  winrm_insecure   = true
  winrm_timeout    = "3h"
  shutdown_command = local.shutdown
  shutdown_timeout = "15m"
}

build {
  sources = ["source.qemu.windows10", "source.virtualbox-iso.windows10"]

  # The build's log then says what was built and when its evaluation ends; nothing is changed.
  provisioner "powershell" {
    inline = [
      "$ErrorActionPreference = 'Stop'",
      "Get-CimInstance -ClassName Win32_OperatingSystem | Format-List Caption, BuildNumber, OSArchitecture, MUILanguages",
      "Get-NetAdapter | Format-Table Name, InterfaceDescription, MacAddress, Status",
      "cscript.exe //nologo C:\\Windows\\System32\\slmgr.vbs /dlv",
    ]
  }

  post-processor "vagrant" {
    output               = "${var.output_folder}/windows10-{{ .Provider }}.box"
    vagrantfile_template = "${path.root}/vagrantfile-windows.template"
  }
}
