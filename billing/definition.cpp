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

// Rows of schema 1 keep the image that they were chained with.
void add_price(ContentImage& image, const PriceRow& row) {
    const std::span<const int64_t> numbers = row.numbers;
    image.add(row.name);
    for (const int64_t number : numbers.first(PriceRow::kFirstNumbers)) image.add(number);
    if (row.is_of_schema_1()) return;
    image.add(row.version).add(row.window).add(row.currency);
    for (const int64_t number : numbers.subspan(PriceRow::kFirstNumbers)) image.add(number);
    image.add(row.text).add(row.digest);
}

PriceRow read_price(const Statement& row) {
    PriceRow price;
    int at = 1;  // behind the number
    price.name = row.text(at++);
    for (size_t i = 0; i < price.numbers.size(); ++i) {
        if (i == PriceRow::kFirstNumbers) {
            price.version = row.text(at++);
            price.window = row.text(at++);
            price.currency = row.text(at++);
        }
        price.numbers[i] = row.integer(at++);
    }
    price.text = row.text(at++);
    const auto digest = row.blob(at);
    price.digest.assign(digest.begin(), digest.end());
    return price;
}

}  // namespace

Digest content_digest(Sha256& sha256, int64_t id, const Definition& definition) {
    ContentImage image;
    image.add(static_cast<int64_t>(definition.index())).add(id);
    std::visit(Overloaded{
                   [&](const AccountRow& row) { image.add(row.name); },
                   [&](const KeyRow& row) {
                       image.add(row.account).add(row.digest).add(row.prefix).add(row.last4);
                   },
                   [&](const NameRow& row) { image.add(row.text); },
                   [&](const PriceRow& row) { add_price(image, row); },
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
         "INSERT INTO prices VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
         "SELECT * FROM prices WHERE id = ?"},
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
                Statement& insert = prices_.insert;
                int at = 1;
                insert.bind(at++, id);
                insert.bind(at++, row.name);
                for (size_t i = 0; i < row.numbers.size(); ++i) {
                    if (i == PriceRow::kFirstNumbers) {
                        insert.bind(at++, row.version);
                        insert.bind(at++, row.window);
                        insert.bind(at++, row.currency);
                    }
                    insert.bind(at++, row.numbers[i]);
                }
                insert.bind(at++, row.text);
                insert.bind(at++,
                            std::span(reinterpret_cast<const unsigned char*>(row.digest.data()),
                                      row.digest.size()));
                return insert.run();
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
            found = read_price(row);
        }
    }
    row.reset();
    return found;
}

}  // namespace billing
