#include "gateway/control/control_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <exception>
#include <stdexcept>
#include <thread>

#include "gateway/control/control_socket.h"
#include "gateway/control/ledger_command.h"
#include "gateway/server/file_descriptor.h"

namespace gateway {

namespace {

class ThreadedServer final : public ControlServer {
public:
    ThreadedServer(const std::filesystem::path& path, billing::Billing& billing,
                   std::function<std::string()> show)
        : path_(path),
          billing_(billing),
          show_(std::move(show)),
          listener_(listen_on(path)),
          stop_(eventfd(0, EFD_CLOEXEC)) {
        if (!stop_.valid()) throw std::runtime_error("cannot create an eventfd");
        thread_ = std::thread([this] { run(); });
    }

    ~ThreadedServer() override {
        const uint64_t one = 1;
        if (write(stop_.get(), &one, sizeof one) < 0) std::abort();  // an eventfd write cannot fail
        thread_.join();
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }

private:
    static FileDescriptor listen_on(const std::filesystem::path& path) {
        const auto address = control_address(path);
        if (!address)
            throw std::runtime_error(path.string() +
                                     ": too long for a Unix socket's name; give "
                                     "ledger.path a shorter one");
        FileDescriptor listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        std::error_code ignored;
        std::filesystem::remove(path, ignored);
        const mode_t before = umask(0177);
        const int bound = listener.valid()
                              ? bind(listener.get(), reinterpret_cast<const sockaddr*>(&*address),
                                     sizeof *address)
                              : -1;
        umask(before);
        if (bound != 0 || chmod(path.c_str(), 0600) != 0 || listen(listener.get(), 16) != 0)
            throw std::runtime_error(path.string() + ": cannot listen: " + std::strerror(errno));
        return listener;
    }

    void run() {
        for (;;) {
            pollfd waits[2] = {{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
            if (poll(waits, 2, -1) < 0 && errno != EINTR) return;
            if (waits[1].revents != 0) return;
            if ((waits[0].revents & POLLIN) == 0) continue;
            FileDescriptor client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (client.valid()) serve(client.get());
        }
    }

    void serve(int client) {
        set_socket_timeouts(client);
        const auto line = read_line(client, kCommandBytesMax);
        if (line) write_all(client, answer_to(*line) + "\n");
    }

    std::string answer_to(const std::string& line) {
        if (!show_ || line != kShowCommand) return run_ledger_command(billing_, line);
        try {
            return show_();
        } catch (const std::exception&) {
            return R"({"ok":false,"error":"the server cannot say now; see its log"})";
        }
    }

    const std::filesystem::path path_;
    billing::Billing& billing_;
    const std::function<std::string()> show_;
    const FileDescriptor listener_;
    const FileDescriptor stop_;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<ControlServer> ControlServer::start(const std::filesystem::path& socket,
                                                    billing::Billing& billing,
                                                    std::function<std::string()> show) {
    return std::make_unique<ThreadedServer>(socket, billing, std::move(show));
}

std::filesystem::path control_socket_of(const std::filesystem::path& ledger) {
    return ledger.string() + ".sock";
}

}  // namespace gateway
