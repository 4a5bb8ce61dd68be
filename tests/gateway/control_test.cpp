#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "billing/wall_clock.h"
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

TEST_CASE("ledger commands: a tree of accounts with its wallets", "[control]") {
    TemporaryLedger ledger;
    const auto ok = [&](const json& request) { return ledger.run(request)["ok"] == true; };
    CHECK(ok({{"op", "account_create"}, {"name", "org"}}));
    CHECK(ok({{"op", "account_create"}, {"name", "org/team"}, {"wallet", "none"}}));
    CHECK(ok({{"op", "account_create"},
              {"name", "org/late"},
              {"wallet", "postpaid"},
              {"credit_limit", "5.00"}}));
    CHECK(ok({{"op", "account_limit"}, {"account", "org/late"}, {"credit_limit", "7.50"}}));
    CHECK(ok({{"op", "account_rename"}, {"account", "org/team"}, {"name", "crew"}}));
    for (const bool is_new : {true, false}) {
        const json added = ledger.run(
            {{"op", "credit_add"}, {"account", "org"}, {"amount", "3.00"}, {"ref", "INV-1"}});
        CHECK(added["new"] == is_new);
    }
    CHECK(ok({{"op", "credit_take"}, {"account", "org"}, {"amount", "1.00"}}));
    CHECK(ok({{"op", "account_close"}, {"account", "org/late"}}));
    const json accounts = ledger.run({{"op", "account_list"}})["accounts"];
    REQUIRE(accounts.size() == 3);
    CHECK(accounts[0]["funds"] == "2.00");
    CHECK(accounts[1]["name"] == "org/crew");
    CHECK(accounts[1]["paid_by"] == "org");
    CHECK(accounts[2]["available"] == "7.50");
    CHECK(accounts[2]["closed"] == true);
}

TEST_CASE("ledger commands: keys with terms, rotated, expired and back", "[control]") {
    TemporaryLedger ledger;
    ledger.run({{"op", "account_create"}, {"name", "acme"}});
    const json made = ledger.run({{"op", "key_create"},
                                  {"account", "acme"},
                                  {"name", "ci"},
                                  {"labels", {"env=prod"}},
                                  {"routes", {"fast"}},
                                  {"networks", {"10.0.0.0/8"}},
                                  {"expires", "24h"}});
    REQUIRE(made["ok"] == true);
    const json rotated = ledger.run({{"op", "key_rotate"}, {"key", made["id"]}, {"overlap", "1h"}});
    REQUIRE(rotated["ok"] == true);
    CHECK(rotated["id"] == made["id"]);
    CHECK(rotated["key"] != made["key"]);
    const json key = ledger.run({{"op", "key_list"}})["keys"][0];
    CHECK(key["name"] == "ci");
    CHECK(key["routes"] == json::array({"fast"}));
    CHECK(key["expires_at"].is_string());
    CHECK(key["old_secrets_until"].is_string());
    CHECK(key["last_used_at"].is_null());
    CHECK(ledger.run({{"op", "key_disable"}, {"key", made["id"]}})["ok"] == true);
    CHECK(ledger.run({{"op", "key_enable"}, {"key", made["id"]}})["ok"] == true);
    CHECK(ledger.run({{"op", "key_list"}})["keys"][0]["enabled"] == true);
    CHECK(ledger.run({{"op", "key_expire"}, {"key", made["id"]}, {"at", "0s"}})["ok"] == true);
    const auto hasher = ledger.billing->make_hasher();
    const billing::Presence now{billing::wall_clock(), "10.1.2.3"};
    CHECK_FALSE(ledger.billing->authenticate(*hasher, rotated["key"].get<std::string>(), now));
    for (const json& wrong : {json{{"op", "key_create"}, {"account", "acme"}, {"expires", "soon"}},
                              json{{"op", "key_create"}, {"account", "acme"}, {"labels", {"x"}}},
                              json{{"op", "key_rotate"}, {"key", 1}, {"overlap", "-1h"}},
                              json{{"op", "key_expire"}, {"key", 1}, {"at", "yesterday"}}}) {
        const json answer = ledger.run(wrong);
        CHECK(answer["ok"] == false);
        CHECK_FALSE(answer["error"].get<std::string>().empty());
    }
}

TEST_CASE("ledger commands: budgets are set, listed and removed", "[control]") {
    TemporaryLedger ledger;
    ledger.run({{"op", "account_create"}, {"name", "acme"}});
    const json place{{"of", "account"}, {"name", "acme"}, {"per", "day"}};
    json set = place;
    set.update({{"op", "budget_set"},
                {"limit", "5.00"},
                {"time_zone", "Asia/Kolkata"},
                {"alerts", "50,100"}});
    CHECK(ledger.run(set)["ok"] == true);
    const json budgets = ledger.run({{"op", "budget_list"}})["budgets"];
    REQUIRE(budgets.size() == 1);
    CHECK(budgets[0]["limit"] == "5.00");
    CHECK(budgets[0]["used"] == "0.00");
    CHECK(budgets[0]["resets_at"].get<std::string>().ends_with("T18:30:00.000Z"));
    for (const auto& [member, value] : {std::pair("time_zone", "Mars"),
                                        {"alerts", "0"},
                                        {"limit", "-1"},
                                        {"per", "week"},
                                        {"of", "planet"},
                                        {"name", "nobody"}}) {
        json wrong = set;
        wrong[member] = value;
        CHECK(ledger.run(wrong)["ok"] == false);
    }
    json remove = place;
    remove["op"] = "budget_remove";
    CHECK(ledger.run(remove)["ok"] == true);
    CHECK(ledger.run(remove)["ok"] == false);
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

TEST_CASE("control socket: what runs is told where somebody knows it, at any length", "[control]") {
    TemporaryLedger ledger;
    const auto socket = control_socket_of(ledger.file());
    {
        const auto server = ControlServer::start(socket, *ledger.billing);
        CHECK(json::parse(*ask_owner(socket, kShowCommand))["ok"] == false);
    }
    const std::string long_answer = json{{"ok", true}, {"text", std::string(1 << 20, 'x')}}.dump();
    bool fails = false;
    const auto server = ControlServer::start(socket, *ledger.billing, [&] {
        if (fails) throw std::runtime_error("no");
        return long_answer;
    });
    CHECK(ask_owner(socket, kShowCommand) == long_answer);
    CHECK(json::parse(*ask_owner(socket, R"({"op":"account_list"})"))["ok"] == true);
    fails = true;
    CHECK(json::parse(*ask_owner(socket, kShowCommand))["ok"] == false);
}
