# Readiness without gems: Debian's Vagrant lacks winrm, and with `communicator = "winrm"` every command of it would end in a LoadError.
# This communicator waits until the server answers on its WinRM port, and does nothing else: all that happens inside a Windows machine
# is done by the suite over WinRM itself.
require "net/http"

module LabProbe
  def self.communicator
    return ENV["LAB_SERVER_COMMUNICATOR"] if ENV["LAB_SERVER_COMMUNICATOR"]
    require "winrm"
    "winrm"
  rescue LoadError
    "labprobe"
  end

  class Communicator < Vagrant.plugin("2", :communicator)
    ANSWERS = %w[200 401 405].freeze # 401: it wants a login, which is an answer

    def self.match?(_machine)
      true
    end

    def initialize(machine)
      @machine = machine
    end

    def ready?
      info = VagrantPlugins::CommunicatorWinRM::Helper.winrm_info(@machine)
      http = Net::HTTP.new(info[:host], info[:port])
      http.open_timeout = http.read_timeout = 5
      ANSWERS.include?(http.post("/wsman", "").code)
    rescue StandardError # not reachable, no address yet, no HTTP yet: not ready
      false
    end

    def execute(*)
      0
    end

    def sudo(*)
      0
    end

    def test(*)
      true
    end
  end

  class Plugin < Vagrant.plugin("2")
    name "readiness of a WinRM server"
    communicator(:labprobe) do
      require Vagrant.source_root.join("plugins/communicators/winrm/helper").to_s
      Communicator
    end
  end
end
