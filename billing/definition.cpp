#include "billing/definition.h"

#include <algorithm>

namespace billing {
namespace {

template <class... F>
struct Overloaded : F... {
    using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

}  // namespace

PriceRow to_row(const config::Price& price) {
    return {price.name,          price.effective_from.ms, price.input.n,    price.cache_read.n,
            price.cache_write.n, price.output.n,          price.reasoning.n};
}

config::Price to_price(const PriceRow& row) {
    return {row.name,          {row.effective_from}, {row.input},    {row.cache_read},
            {row.cache_write}, {row.output},         {row.reasoning}};
}

Digest content_digest(Sha256& sha256, int64_t id, const Definition& definition) {
    ContentImage image;
    image.add(static_cast<int64_t>(definition.index())).add(id);
    std::visit(Overloaded{
                   [&](const AccountRow& row) { image.add(row.name); },
                   [&](const KeyRow& row) {
                       image.add(row.account).add(row.digest).add(row.prefix).add(row.last4);
                   },
                   [&](const NameRow& row) { image.add(row.text); },
                   [&](const PriceRow& row) {
                       image.add(row.name).add(row.effective_from).add(row.input);
                       image.add(row.cache_read).add(row.cache_write);
                       image.add(row.output).add(row.reasoning);
                   },
                   [&](const RefundRow& row) { image.add(row.ref).add(row.reason); },
                   [&](const Attempts& attempts) { add_to(image, attempts); },
                   [&](const AttributionRow& row) {
                       image.add(row.account).add(row.key).add(row.path).add(row.label);
                       image.add(row.last4).add(row.labels);
                   },
               },
               definition);
    return sha256(image.bytes());
}

const char* table_of(Kind kind) {
    switch (kind) {
        case Kind::account:
            return "accounts";
        case Kind::key:
            return "keys";
        case Kind::name:
            return "names";
        case Kind::price:
            return "prices";
        case Kind::refund:
            return "refunds";
        case Kind::attribution:
            return "attributions";
        case Kind::settle:
        case Kind::release:
            return "attempts";
        case Kind::reserve:
        case Kind::credit:
        case Kind::key_disabled:
            return nullptr;
    }
    return nullptr;
}

const char* table_of(const Entry& entry) {
    // The end of a request has attempts, or none were made.
    const bool is_ending = entry.is(Kind::settle) || entry.is(Kind::release);
    if (is_ending && !entry.has(Column::subject)) return nullptr;
    return table_of(static_cast<Kind>(entry.get(Column::kind)));
}

Result<DefinitionTables> DefinitionTables::prepare(Database& database) {
    DefinitionTables tables;
    struct {
        Table& table;
        const char* insert;
        const char* find;
    } const statements[] = {
        {tables.accounts_, "INSERT INTO accounts(id, name) VALUES(?,?)",
         "SELECT name FROM accounts WHERE id = ?"},
        {tables.keys_, "INSERT INTO keys(id, account, digest, prefix, last4) VALUES(?,?,?,?,?)",
         "SELECT account, digest, prefix, last4 FROM keys WHERE id = ?"},
        {tables.names_, "INSERT INTO names(id, text) VALUES(?,?)",
         "SELECT text FROM names WHERE id = ?"},
        {tables.prices_,
         "INSERT INTO prices(id, name, effective_from, input, cache_read, cache_write, output, "
         "reasoning) VALUES(?,?,?,?,?,?,?,?)",
         "SELECT name, effective_from, input, cache_read, cache_write, output, reasoning "
         "FROM prices WHERE id = ?"},
        {tables.refunds_, "INSERT INTO refunds(id, ref, reason) VALUES(?,?,?)",
         "SELECT ref, reason FROM refunds WHERE id = ?"},
        {tables.attributions_,
         "INSERT INTO attributions(id, account, key, path, label, last4, labels) "
         "VALUES(?,?,?,?,?,?,?)",
         "SELECT account, key, path, label, last4, labels FROM attributions WHERE id = ?"},
    };
    for (const auto& each : statements) {
        auto insert = database.prepare(each.insert);
        if (!insert) return tl::unexpected(insert.error());
        auto find = database.prepare(each.find);
        if (!find) return tl::unexpected(find.error());
        each.table = {std::move(*insert), std::move(*find)};
    }
    auto attempts = AttemptTable::prepare(database);
    if (!attempts) return tl::unexpected(attempts.error());
    tables.attempts_ = std::move(*attempts);
    return tables;
}

bool DefinitionTables::insert(int64_t id, const Definition& definition) {
    return std::visit(
        Overloaded{
            [&](const AccountRow& row) {
                accounts_.insert.bind(1, id);
                accounts_.insert.bind(2, row.name);
                return accounts_.insert.run();
            },
            [&](const KeyRow& row) {
                keys_.insert.bind(1, id);
                keys_.insert.bind(2, row.account);
                keys_.insert.bind(3, std::span<const unsigned char>(row.digest));
                keys_.insert.bind(4, row.prefix);
                keys_.insert.bind(5, row.last4);
                return keys_.insert.run();
            },
            [&](const NameRow& row) {
                names_.insert.bind(1, id);
                names_.insert.bind(2, row.text);
                return names_.insert.run();
            },
            [&](const PriceRow& row) {
                prices_.insert.bind(1, id);
                prices_.insert.bind(2, row.name);
                int parameter = 3;
                for (const int64_t value : {row.effective_from, row.input, row.cache_read,
                                            row.cache_write, row.output, row.reasoning}) {
                    prices_.insert.bind(parameter++, value);
                }
                return prices_.insert.run();
            },
            [&](const RefundRow& row) {
                refunds_.insert.bind(1, id);
                refunds_.insert.bind(2, row.ref);
                refunds_.insert.bind(3, row.reason);
                return refunds_.insert.run();
            },
            [&](const Attempts& attempts) { return attempts_.insert(id, attempts); },
            [&](const AttributionRow& row) {
                attributions_.insert.bind(1, id);
                attributions_.insert.bind(2, row.account);
                attributions_.insert.bind(3, row.key);
                attributions_.insert.bind(4, row.path);
                attributions_.insert.bind(5, row.label);
                attributions_.insert.bind(6, row.last4);
                attributions_.insert.bind(7, row.labels);
                return attributions_.insert.run();
            },
        },
        definition);
}

std::optional<Definition> DefinitionTables::find(Kind kind, int64_t id) {
    if (kind == Kind::settle || kind == Kind::release) {
        auto attempts = attempts_.find(id);
        if (!attempts) return std::nullopt;
        return Definition(std::move(*attempts));
    }
    Table& table = kind == Kind::account  ? accounts_
                   : kind == Kind::key    ? keys_
                   : kind == Kind::name   ? names_
                   : kind == Kind::price  ? prices_
                   : kind == Kind::refund ? refunds_
                                          : attributions_;
    Statement& row = table.find;
    row.bind(1, id);
    std::optional<Definition> found;
    if (row.step() == Statement::Step::row) {
        if (kind == Kind::account) {
            found = AccountRow{std::string(row.text(0))};
        } else if (kind == Kind::key) {
            KeyRow key{row.integer(0), {}, std::string(row.text(2)), std::string(row.text(3))};
            const auto digest = row.blob(1);
            if (digest.size() == key.digest.size()) std::ranges::copy(digest, key.digest.begin());
            found = std::move(key);
        } else if (kind == Kind::name) {
            found = NameRow{std::string(row.text(0))};
        } else if (kind == Kind::refund) {
            found = RefundRow{std::string(row.text(0)), std::string(row.text(1))};
        } else if (kind == Kind::attribution) {
            found = AttributionRow{row.integer(0),           row.integer(1),
                                   std::string(row.text(2)), std::string(row.text(3)),
                                   std::string(row.text(4)), std::string(row.text(5))};
        } else {
            found =
                PriceRow{std::string(row.text(0)), row.integer(1), row.integer(2), row.integer(3),
                         row.integer(4),           row.integer(5), row.integer(6)};
        }
    }
    row.reset();
    return found;
}

}  // namespace billing
