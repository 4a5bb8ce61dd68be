#include "billing/definition.h"

#include <algorithm>
#include <type_traits>

namespace billing {
namespace {

template <class... F>
struct Overloaded : F... {
    using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

// What stands behind the number of a row, in the order of its table; attempts and prices are
// written elsewhere.
template <class R, class F>
void each_field(R& row, F&& field) {
    using T = std::remove_const_t<R>;
    if constexpr (std::is_same_v<T, AccountRow>) {
        field(row.name), field(row.parent), field(row.wallet), field(row.credit_limit);
    } else if constexpr (std::is_same_v<T, KeyRow>) {
        field(row.account), field(row.digest), field(row.prefix), field(row.last4);
    } else if constexpr (std::is_same_v<T, NameRow>) {
        field(row.text);
    } else if constexpr (std::is_same_v<T, RefundRow>) {
        field(row.ref), field(row.reason);
    } else if constexpr (std::is_same_v<T, AttributionRow>) {
        field(row.account), field(row.key), field(row.path), field(row.label);
        field(row.last4), field(row.labels);
    } else if constexpr (std::is_same_v<T, AccountTermsRow>) {
        field(row.account), field(row.name), field(row.credit_limit), field(row.is_closed);
    } else if constexpr (std::is_same_v<T, KeyTermsRow>) {
        field(row.key), field(row.name), field(row.labels), field(row.expires_at);
        field(row.routes), field(row.endpoints), field(row.networks);
    } else if constexpr (std::is_same_v<T, KeySecretRow>) {
        field(row.key), field(row.digest), field(row.prefix), field(row.last4);
        field(row.others_until);
    } else if constexpr (std::is_same_v<T, BudgetRow>) {
        field(row.number), field(row.scope), field(row.subject), field(row.period);
        field(row.zone), field(row.limit), field(row.alerts), field(row.is_removed);
        field(row.from_request);
    } else if constexpr (std::is_same_v<T, CreditRow>) {
        field(row.ref), field(row.account), field(row.amount);
    } else if constexpr (std::is_same_v<T, CutRow>) {
        field(row.seq), field(row.standing), field(row.last_attempt);
        field(row.definitions), field(row.rollups), field(row.archive);
    }
}

template <class T>
constexpr bool kIsNumber = std::is_integral_v<T> || std::is_enum_v<T>;

struct AddToImage {
    ContentImage& image;
    template <class T>
    void operator()(const T& value) const {
        if constexpr (std::is_same_v<T, NanoUsd>)
            image.add(value.n);
        else if constexpr (kIsNumber<T>)
            image.add(static_cast<int64_t>(value));
        else
            image.add(value);
    }
};

struct BindTo {
    Statement& statement;
    int at = 1;  // the number
    template <class T>
    void operator()(const T& value) {
        ++at;
        if constexpr (std::is_same_v<T, NanoUsd>)
            statement.bind(at, value.n);
        else if constexpr (kIsNumber<T>)
            statement.bind(at, static_cast<int64_t>(value));
        else if constexpr (std::is_same_v<T, Digest>)
            statement.bind(at, std::span<const unsigned char>(value));
        else
            statement.bind(at, std::string_view(value));
    }
};

struct ReadFrom {
    const Statement& row;
    bool& is_sound;  // no number is above what its field holds
    int at = 0;      // the number
    template <class T>
    void operator()(T& value) {
        ++at;
        if constexpr (std::is_same_v<T, NanoUsd>) {
            value.n = row.integer(at);
        } else if constexpr (kIsNumber<T>) {
            value = static_cast<T>(row.integer(at));
            is_sound = is_sound && static_cast<int64_t>(value) == row.integer(at);
        } else if constexpr (std::is_same_v<T, Digest>) {
            const auto bytes = row.blob(at);
            if (bytes.size() == value.size()) std::ranges::copy(bytes, value.begin());
        } else {
            value = row.text(at);
        }
    }
};

void bind_price(Statement& insert, const PriceRow& row) {
    int at = 2;
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
    insert.bind(at++, std::span(reinterpret_cast<const unsigned char*>(row.digest.data()),
                                row.digest.size()));
}

// An empty row of the table of such entries.
std::optional<Definition> blank_row(Kind kind) {
    switch (kind) {
        case Kind::account:
            return AccountRow{};
        case Kind::key:
            return KeyRow{};
        case Kind::name:
            return NameRow{};
        case Kind::price:
            return PriceRow{};
        case Kind::refund:
            return RefundRow{};
        case Kind::attribution:
            return AttributionRow{};
        case Kind::account_terms:
            return AccountTermsRow{};
        case Kind::key_terms:
            return KeyTermsRow{};
        case Kind::key_secret:
            return KeySecretRow{};
        case Kind::budget:
            return BudgetRow{};
        case Kind::credit:
        case Kind::debit:
            return CreditRow{};
        case Kind::cut:
            return CutRow{};
        case Kind::settle:
        case Kind::release:
            return Attempts{};
        case Kind::reserve:
        case Kind::key_disabled:
        case Kind::key_enabled:
            break;
    }
    return std::nullopt;
}

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
                   [&](const PriceRow& row) { add_price(image, row); },
                   [&](const Attempts& attempts) { add_to(image, attempts); },
                   [&](const AccountRow& row) {
                       // As it was chained then.
                       if (row.is_of_schema_1())
                           image.add(row.name);
                       else
                           each_field(row, AddToImage{image});
                   },
                   [&](const auto& row) { each_field(row, AddToImage{image}); },
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
        case Kind::account_terms:
            return "account_terms";
        case Kind::key_terms:
            return "key_terms";
        case Kind::key_secret:
            return "key_secrets";
        case Kind::budget:
            return "budgets";
        case Kind::credit:
        case Kind::debit:
            return "credits";
        case Kind::cut:
            return "cuts";
        case Kind::settle:
        case Kind::release:
            return "attempts";
        case Kind::reserve:
        case Kind::key_disabled:
        case Kind::key_enabled:
            return nullptr;
    }
    return nullptr;
}

const char* table_of(const Entry& entry) {
    // The end of a request has attempts, or none were made; a credit has a reference, or none was
    // given.
    const bool may_lack = entry.is(Kind::settle) || entry.is(Kind::release) ||
                          entry.is(Kind::credit) || entry.is(Kind::debit);
    if (may_lack && !entry.has(Column::subject)) return nullptr;
    return table_of(static_cast<Kind>(entry.get(Column::kind)));
}

Result<DefinitionTables> DefinitionTables::prepare(Database& database) {
    DefinitionTables tables;
    struct {
        Kind kind;
        int n_columns;
    } const all[] = {{Kind::account, 5},       {Kind::key, 5},       {Kind::name, 2},
                     {Kind::price, 26},        {Kind::refund, 3},    {Kind::attribution, 7},
                     {Kind::account_terms, 5}, {Kind::key_terms, 8}, {Kind::key_secret, 6},
                     {Kind::budget, 10},       {Kind::credit, 4},    {Kind::cut, 7}};
    for (const auto& each : all) {
        const std::string name = table_of(each.kind);
        std::string insert_sql = "INSERT INTO " + name + " VALUES(?";
        for (int i = 1; i < each.n_columns; ++i) insert_sql += ",?";
        auto insert = database.prepare(insert_sql + ")");
        if (!insert) return tl::unexpected(insert.error());
        auto find = database.prepare("SELECT * FROM " + name + " WHERE id = ?");
        if (!find) return tl::unexpected(find.error());
        tables.tables_[blank_row(each.kind)->index()] = {std::move(*insert), std::move(*find)};
    }
    auto attempts = AttemptTable::prepare(database);
    if (!attempts) return tl::unexpected(attempts.error());
    tables.attempts_ = std::move(*attempts);
    return tables;
}

bool DefinitionTables::insert(int64_t id, const Definition& definition) {
    if (const auto* attempts = std::get_if<Attempts>(&definition))
        return attempts_.insert(id, *attempts);
    Statement& insert = tables_[definition.index()].insert;
    insert.bind(1, id);
    std::visit(Overloaded{
                   [&](const PriceRow& row) { bind_price(insert, row); },
                   [](const Attempts&) {},
                   [&](const auto& row) { each_field(row, BindTo{insert}); },
               },
               definition);
    return insert.run();
}

std::optional<Definition> DefinitionTables::find(Kind kind, int64_t id) {
    auto found = blank_row(kind);
    if (!found) return std::nullopt;
    if (std::holds_alternative<Attempts>(*found)) {
        auto attempts = attempts_.find(id);
        if (!attempts) return std::nullopt;
        return Definition(std::move(*attempts));
    }
    Statement& row = tables_[found->index()].find;
    row.bind(1, id);
    bool is_there = row.step() == Statement::Step::row;
    if (is_there) {
        std::visit(Overloaded{
                       [&](PriceRow& price) { price = read_price(row); },
                       [](Attempts&) {},
                       [&](auto& each) {
                           each_field(each, ReadFrom{row, is_there});
                       },
                   },
                   *found);
    }
    row.reset();
    if (!is_there) found.reset();
    return found;
}

}  // namespace billing
