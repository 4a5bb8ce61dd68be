#pragma once
// The attempts of a request at endpoints, failed ones included: what it cost the operator. Written
// once, with the SETTLE or RELEASE that ends the request, whose hash covers them.
#include <optional>
#include <string>
#include <vector>

#include "billing/content_image.h"
#include "billing/sqlite.h"
#include "billing/types.h"
#include "config/price.h"

namespace billing {

struct AttemptRow {
    int64_t request = 0;
    int64_t n = 0;              // the nth of its request, from 1
    int64_t endpoint = 0;       // a row of table names
    int64_t model = 0;          // of table names
    int64_t price = 0;          // of table prices: its figures are what the operator pays
    UnixMillis started, ended;  // by the wall clock: may go back
    AttemptOutcome outcome = AttemptOutcome::complete;
    CountSource source = CountSource::counted;   // whose counts the cost is of
    TokenCounts tokens;                          // as counted here
    std::optional<TokenCounts> upstream_tokens;  // as the upstream said them
    NanoUsd cost;                                // of the operator
    std::string upstream_request;                // the upstream's own id; empty: it told none
};

// All of one request, in their order. Their ids are consecutive; the entry that ends the request
// has the last one's in its column subject.
struct Attempts {
    std::vector<AttemptRow> rows;
};

// What an attempt cost by its own counts: the upstream's, cut to zero from below, if it said them.
// Without the mark-up, which clients pay.
NanoUsd attempt_cost(const AttemptRow& row, const config::Tariff& tariff);

void add_to(ContentImage& image, const Attempts& attempts);

// Statements over table attempts, prepared once.
class AttemptTable {
public:
    static Result<AttemptTable> prepare(Database& database);

    bool insert(int64_t last_id, const Attempts& attempts);
    // Nothing, unless all of them are there, as a whole.
    std::optional<Attempts> find(int64_t last_id);

private:
    std::optional<AttemptRow> find_row(int64_t id);

    Statement insert_, find_;
};

}  // namespace billing
