// Certificates made with openssl, for tests of TLS. Failures end the test.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "proto/rpc.h"
#include "tests/catch.h"

namespace tunefarm {

inline void OpenSsl(const std::vector<std::string>& arguments, const std::string& folder) {
  SubprocessOptions options;
  options.argv = {"openssl"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.working_directory = folder;
  const auto result = RunProcess(options, absl::Seconds(60));
  REQUIRE(result.ok());
  INFO(result->err);
  REQUIRE(result->exit_code == 0);
}

// A certificate authority: folder/name.pem and its key.
inline void MakeAuthority(const std::string& folder, const std::string& name) {
  OpenSsl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
           "-keyout", name + ".key", "-out", name + ".pem", "-subj", "/CN=" + name},
          folder);
}

// A certificate for 127.0.0.1 that it signed, with `common_name` (default: the file's name).
inline TransportOptions MakeCertificate(const std::string& folder, const std::string& authority,
                                        const std::string& name, const std::string& common_name = "") {
  OpenSsl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key",
           "-out", name + ".csr", "-subj", "/CN=" + (common_name.empty() ? name : common_name)},
          folder);
  REQUIRE(WriteFileAtomic(folder + "/ext", "subjectAltName=IP:127.0.0.1,DNS:localhost\n").ok());
  OpenSsl({"x509", "-req", "-in", name + ".csr", "-CA", authority + ".pem", "-CAkey", authority + ".key",
           "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", name + ".pem"},
          folder);
  TransportOptions options;
  options.certificate_file = folder + "/" + name + ".pem";
  options.key_file = folder + "/" + name + ".key";
  options.ca_file = folder + "/" + authority + ".pem";
  return options;
}

}  // namespace tunefarm
