#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "billing/api_key.h"
#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

TEST_CASE("key_text: 256 bits in 43 digits, nothing lost", "[billing]") {
    std::array<unsigned char, 32> bits{};
    CHECK(key_text(bits) == "sk-weir-" + std::string(43, '0'));
    bits[31] = 61;
    CHECK(key_text(bits) == "sk-weir-" + std::string(42, '0') + "z");
    bits[31] = 62;
    CHECK(key_text(bits) == "sk-weir-" + std::string(41, '0') + "10");
    bits.fill(0xff);
    const std::string most = key_text(bits);
    CHECK(most.size() == kKeySize);
    bits[31] = 0xfe;
    CHECK(key_text(bits) != most);
    CHECK(random_key() != random_key());
}

TEST_CASE("keys: found by digest, across a restart, until disabled", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    CHECK(!ledger.billing().has_keys());
    must(ledger.billing().create_account("alice"));
    must(ledger.billing().create_account("bob"));
    CHECK(ledger.billing().create_key("carol").error().code == Errc::account_unknown);
    const std::string alice = must(ledger.billing().create_key("alice"));
    const std::string bob = must(ledger.billing().create_key("bob"));
    CHECK(ledger.billing().has_keys());
    CHECK(alice.substr(0, 8) == "sk-weir-");
    CHECK(alice.size() == kKeySize);

    for (int round = 0; round < 2; ++round) {
        const auto hasher = ledger.billing().make_hasher();
        const auto caller = ledger.billing().authenticate(*hasher, alice);
        REQUIRE(caller);
        CHECK(caller->account.n == 1);
        CHECK(ledger.billing().authenticate(*hasher, bob)->account.n == 2);
        const auto keys = ledger.billing().keys();
        REQUIRE(keys.size() == 2);
        CHECK(keys[0].account == "alice");
        CHECK(keys[0].prefix == alice.substr(0, 12));
        CHECK(keys[0].last4 == alice.substr(alice.size() - 4));
        CHECK(keys[0].enabled);
        CHECK(keys[0].created_at.ms > 0);
        ledger.open();
    }

    const auto hasher = ledger.billing().make_hasher();
    must(ledger.billing().disable_key({1}));
    must(ledger.billing().disable_key({1}));  // again: nothing new
    CHECK(ledger.billing().disable_key({9}).error().code == Errc::key_unknown);
    CHECK(ledger.billing().authenticate(*hasher, alice).error().code == Errc::key_unknown);
    CHECK(ledger.billing().authenticate(*hasher, bob));
    ledger.open();
    CHECK(!ledger.billing().authenticate(*hasher, alice));
    CHECK(!ledger.billing().keys()[0].enabled);
    ledger.close();
    CHECK(must(verify(ledger.path())).first_bad == "");
}

TEST_CASE("keys: what is no key is unknown, whatever it looks like", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    must(ledger.billing().create_account("alice"));
    const std::string key = must(ledger.billing().create_key("alice"));
    const auto hasher = ledger.billing().make_hasher();
    std::string other = key;
    other.back() = other.back() == 'a' ? 'b' : 'a';
    for (const std::string& wrong :
         {std::string(), std::string("sk-weir-"), other, key + "x", key.substr(1),
          std::string(51, '\0'), std::string(100'000, 'k')}) {
        const auto refused = ledger.billing().authenticate(*hasher, wrong);
        REQUIRE(!refused);
        CHECK(refused.error().code == Errc::key_unknown);
    }
}

TEST_CASE("keys: the file holds no key, only its digest", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    must(ledger.billing().create_account("alice"));
    const std::string key = must(ledger.billing().create_key("alice"));
    ledger.close();
    for (const char* suffix : {"", ".pepper"}) {
        std::ifstream file(ledger.path().string() + suffix, std::ios::binary);
        const std::string bytes((std::istreambuf_iterator<char>(file)), {});
        REQUIRE(!bytes.empty());
        CHECK(bytes.find(key) == std::string::npos);
        CHECK(bytes.find(key.substr(12, 20)) == std::string::npos);
    }
}

TEST_CASE("pepper: what is not private, whole and its own is refused with the cure", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    must(ledger.billing().create_account("alice"));
    must(ledger.billing().create_key("alice"));
    ledger.close();
    const std::string pepper = ledger.path().string() + ".pepper";
    CHECK(std::filesystem::file_size(pepper) == 32);
    std::string cure;
    SECTION("others may read it") {
        ::chmod(pepper.c_str(), 0640);
        cure = "chmod 600";
    }
    SECTION("too short") {
        std::filesystem::resize_file(pepper, 31);
        cure = "put back";
    }
    SECTION("too long") {
        std::filesystem::resize_file(pepper, 33);
        cure = "put back";
    }
    SECTION("gone") {
        std::filesystem::remove(pepper);
        cure = "put back";
    }
    SECTION("another ledger's") {
        std::fstream file(pepper, std::ios::in | std::ios::out | std::ios::binary);
        file.put('x').put('y').put('z');
        file.close();
        cure = "put back";
    }
    const auto refused = Billing::open(ledger.options());
    REQUIRE(!refused);
    CHECK(refused.error().code == Errc::ledger_unavailable);
    CHECK_THAT(refused.error().detail, Catch::Contains(pepper) && Catch::Contains(cure));
}
