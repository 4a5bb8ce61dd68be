// mock_upstream [PORT]: the mock upstream as a program. Prints "listening <port>" and serves until
// a signal.
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "tests/support/mock_upstream.h"

int main(int argc, char** argv) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    const mock::Upstream upstream(argc > 1 ? static_cast<uint16_t>(std::atoi(argv[1])) : 0);
    std::printf("listening %d\n", upstream.port());
    std::fflush(stdout);
    int signal = 0;
    sigwait(&signals, &signal);
    return 0;
}
