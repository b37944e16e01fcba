// One SQLite connection with its prepared statements. A thin shell: no schema in it. Not thread safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include "absl/container/flat_hash_map.h"
#include "base/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tunefarm::db {

// Bytes, as opposed to text. Must outlive the statement that it is bound to.
struct Bytes {
  absl::string_view value;
};

// A prepared statement in use; goes back to its connection on destruction. Only one use of the same SQL at a
// time.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  ~Statement();

  // True when there is a row to read.
  absl::StatusOr<bool> Step();
  // Steps to the end.
  absl::Status Run();

  // Columns of the row, from 0. NULL reads as 0 or "".
  bool IsNull(int column) const;
  int64_t Int(int column) const;
  double Real(int column) const;
  std::string Text(int column) const;  // Bytes likewise.

 private:
  friend class Connection;
  Statement(sqlite3_stmt* statement, const std::string* path) : statement_(statement), path_(path) {}
  void Bind(int index, int64_t value);
  void Bind(int index, double value);
  void Bind(int index, absl::string_view value);
  void Bind(int index, Bytes value);
  void Bind(int index, std::nullptr_t);

  sqlite3_stmt* statement_;
  const std::string* path_;
};

class Connection {
 public:
  // `uri` is what SQLite opens ("file:..."); `path` is what errors name.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const std::string& uri, int flags,
                                                          const std::string& path);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const std::string& path() const { return path_; }
  // True when the file cannot be written through this connection.
  bool read_only() const;
  int64_t last_insert_id() const;
  int64_t changes() const;  // Rows that the last statement changed.

  // Any number of statements, without parameters. Not kept.
  absl::Status Execute(const std::string& sql);

  // A statement with its parameters bound in order; an empty std::optional is NULL. The compiled form is
  // kept, so `sql` should be from a fixed set. Text and bytes are not copied: they must outlive the
  // statement.
  template <typename... Args>
  absl::StatusOr<Statement> Query(absl::string_view sql, const Args&... args) {
    TUNEFARM_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
    int index = 0;
    (BindOne(statement, ++index, args), ...);
    return statement;
  }
  // Query and Run.
  template <typename... Args>
  absl::Status Run(absl::string_view sql, const Args&... args) {
    TUNEFARM_ASSIGN_OR_RETURN(Statement statement, Query(sql, args...));
    return statement.Run();
  }

  // Runs `body` in a write transaction: committed when it is OK, else undone as a whole.
  absl::Status Transact(const std::function<absl::Status()>& body);

 private:
  Connection(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  absl::StatusOr<Statement> Prepare(absl::string_view sql);
  template <typename T>
  static void BindOne(Statement& statement, int index, const std::optional<T>& value) {
    if (value.has_value()) {
      BindOne(statement, index, *value);
    } else {
      statement.Bind(index, nullptr);
    }
  }
  template <typename T>
  static void BindOne(Statement& statement, int index, const T& value) {
    if constexpr (std::is_integral_v<T>) {
      statement.Bind(index, static_cast<int64_t>(value));
    } else {
      statement.Bind(index, value);
    }
  }

  sqlite3* handle_;
  std::string path_;
  absl::flat_hash_map<std::string, sqlite3_stmt*> statements_;
};

}  // namespace tunefarm::db
