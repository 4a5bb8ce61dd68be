#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "gateway/control/control_server.h"
#include "gateway/control/control_socket.h"
#include "gateway/control/ledger_command.h"

using namespace gateway;
using nlohmann::json;

namespace {

struct TemporaryLedger {
    std::filesystem::path folder = std::filesystem::temp_directory_path() /
                                   ("weir-control-" + std::to_string(std::random_device{}()));
    std::unique_ptr<billing::Billing> billing;

    TemporaryLedger() {
        std::filesystem::create_directories(folder);
        billing = std::move(*billing::Billing::open({file(), 1'024, {}}));
    }
    ~TemporaryLedger() {
        billing.reset();
        std::filesystem::remove_all(folder);
    }
    std::filesystem::path file() const { return folder / "weir.db"; }
    json run(const json& request) {
        return json::parse(run_ledger_command(*billing, request.dump()));
    }
};

}  // namespace

TEST_CASE("ledger commands: an account is made, funded, given a key and shown", "[control]") {
    TemporaryLedger ledger;
    CHECK(ledger.run({{"op", "account_create"}, {"name", "acme"}})["ok"] == true);
    CHECK(ledger.run({{"op", "credit_add"}, {"account", "acme"}, {"amount", "10.00"}})["ok"] ==
          true);
    const json key = ledger.run({{"op", "key_create"}, {"account", "acme"}});
    const auto hasher = ledger.billing->make_hasher();
    CHECK(ledger.billing->authenticate(*hasher, key["key"].get<std::string>()));
    const json shown = ledger.run({{"op", "account_show"}, {"account", "acme"}});
    CHECK(shown["account"]["funds"] == "10.00");
    CHECK(shown["account"]["spent"] == "0.00");
    const json keys = ledger.run({{"op", "key_list"}});
    REQUIRE(keys["keys"].size() == 1);
    CHECK(keys["keys"][0].dump().find(key["key"].get<std::string>()) == std::string::npos);
    CHECK(ledger.run({{"op", "key_disable"}, {"key", keys["keys"][0]["id"]}})["ok"] == true);
    CHECK_FALSE(ledger.billing->authenticate(*hasher, key["key"].get<std::string>()));
}

TEST_CASE("ledger commands: what cannot be done says why and changes nothing", "[control]") {
    TemporaryLedger ledger;
    const json bad[] = {
        {{"op", "credit_add"}, {"account", "nobody"}, {"amount", "1.00"}},
        {{"op", "credit_add"}, {"account", "nobody"}, {"amount", "-1"}},
        {{"op", "credit_add"}, {"account", "nobody"}, {"amount", "1e9"}},
        {{"op", "credit_add"}, {"account", "nobody"}, {"amount", 5}},
        {{"op", "account_create"}, {"name", "no blanks"}},
        {{"op", "key_create"}, {"account", "nobody"}},
        {{"op", "key_disable"}, {"key", 99}},
        {{"op", "ledger_refund"}, {"request", "1"}, {"ref", "T-1"}, {"reason", "why"}},
        {{"op", "ledger_refund"}, {"request", "req_x"}, {"ref", "T-1"}, {"reason", "why"}},
        {{"op", "ledger_refund"}, {"request", "1"}, {"ref", "T-1"}},
        {{"op", "drop_everything"}},
        json::array(),
    };
    for (const json& request : bad) {
        const json answer = ledger.run(request);
        INFO(request.dump());
        CHECK(answer["ok"] == false);
        CHECK_FALSE(answer["error"].get<std::string>().empty());
    }
    CHECK(json::parse(run_ledger_command(*ledger.billing, "not json"))["ok"] == false);
    CHECK(ledger.billing->accounts().empty());
}

TEST_CASE("control socket: a command from another place reaches the owner", "[control][threads]") {
    TemporaryLedger ledger;
    const auto socket = control_socket_of(ledger.file());
    CHECK_FALSE(ask_owner(socket, "{}"));  // nobody listens
    const auto server = ControlServer::start(socket, *ledger.billing);
    const auto status = std::filesystem::status(socket);
    CHECK((status.permissions() & std::filesystem::perms::all) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    for (int i = 0; i < 20; ++i) {
        const auto answer = ask_owner(
            socket, json{{"op", "account_create"}, {"name", "a" + std::to_string(i)}}.dump());
        REQUIRE(answer);
        CHECK(json::parse(*answer)["ok"] == true);
    }
    CHECK(ledger.billing->accounts().size() == 20);
}

TEST_CASE("control socket: a stale socket of a dead process is replaced", "[control]") {
    TemporaryLedger ledger;
    const auto socket = control_socket_of(ledger.file());
    { const auto first = ControlServer::start(socket, *ledger.billing); }
    { const auto second = ControlServer::start(socket, *ledger.billing); }
    CHECK_FALSE(std::filesystem::exists(socket));
}
