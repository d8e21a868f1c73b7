#include "certificates.h"

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>

namespace {

constexpr char kNames[] = "DNS:localhost,DNS:backend.test,IP:127.0.0.1";

// A folder with an authority in it.
class Authority {
 public:
  Authority() {
    char folder[] = "/tmp/mayfly-test-ca-XXXXXX";
    if (!mkdtemp(folder)) throw std::runtime_error("mkdtemp");
    folder_ = folder;
    openssl("req -x509 " + kKey + " -keyout ca.key -out ca.pem -subj '/CN=Mayfly test authority' -days 3650");
  }
  ~Authority() { std::filesystem::remove_all(folder_); }

  std::string file() const { return folder_ + "/ca.pem"; }

  Certificate sign(const std::string& name, const std::string& names, int days) {
    openssl("req " + kKey + " -keyout " + name + ".key -out " + name + ".csr -subj '/CN=" + name +
            "' -addext 'subjectAltName=" + names + "'");
    openssl("x509 -req -in " + name + ".csr -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy -days " +
            std::to_string(days) + " -out " + name + ".pem");
    return {folder_ + "/" + name + ".pem", folder_ + "/" + name + ".key"};
  }

 private:
  const std::string kKey = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

  void openssl(const std::string& words) {
    if (std::system(("cd " + folder_ + " && openssl " + words + " 2>log").c_str()) != 0) {
      throw std::runtime_error("openssl " + words);
    }
  }

  std::string folder_;
};

Authority& trusted() {
  static Authority authority;
  return authority;
}
Authority& other() {
  static Authority authority;
  return authority;
}

}  // namespace

std::string trusted_ca() { return trusted().file(); }
std::string other_ca() { return other().file(); }

Certificate good_certificate() {
  static auto made = trusted().sign("good", kNames, 30);
  return made;
}
Certificate other_good_certificate() {
  static auto made = trusted().sign("next", kNames, 30);
  return made;
}
Certificate expired_certificate() {
  static auto made = trusted().sign("expired", kNames, -1);
  return made;
}
Certificate certificate_of_another_name() {
  static auto made = trusted().sign("other", "DNS:other.test,DNS:*host,IP:127.0.0.2", 30);
  return made;
}
Certificate certificate_of_another_ca() {
  static auto made = other().sign("good", kNames, 30);
  return made;
}
