#pragma once
// The life of one connection: requests one after the other, each answered before the next is looked
// at.
#include <memory>

#include "gateway/server/connection.h"

namespace gateway {

// Runs until the connection ends. Throws nothing that a client could cause.
asio::awaitable<void> run_session(std::shared_ptr<Connection> connection);

}  // namespace gateway
