#include "extensions/telemetry/tls/root_certificates.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace mayfly::tls {
namespace {

constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
constexpr off_t kMaxFileBytes = 16 * 1024 * 1024;

template <auto free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};
using NamePointer = std::unique_ptr<X509_NAME, Freed<X509_NAME_free>>;
using CertificatePointer = std::unique_ptr<X509, Freed<X509_free>>;

// Empty with errno when it cannot be read.
std::string read_part(const std::string& file, off_t begin, off_t size) {
  int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::string text(static_cast<std::size_t>(size), '\0');
  ssize_t n = pread(fd, text.data(), text.size(), begin);
  close(fd);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  return text;
}

// The bytes between the two lines; empty when they are not base64.
std::vector<unsigned char> decode(std::string_view base64) {
  std::unique_ptr<EVP_ENCODE_CTX, Freed<EVP_ENCODE_CTX_free>> context(EVP_ENCODE_CTX_new());
  std::vector<unsigned char> der(base64.size());
  int size = 0, last = 0;
  EVP_DecodeInit(context.get());
  if (EVP_DecodeUpdate(context.get(), der.data(), &size, reinterpret_cast<const unsigned char*>(base64.data()),
                       static_cast<int>(base64.size())) < 0 ||
      EVP_DecodeFinal(context.get(), der.data() + size, &last) < 0) {
    return {};
  }
  der.resize(static_cast<std::size_t>(size + last));
  return der;
}

// Steps over one element, or into it. False: there is none like that.
bool step(const unsigned char*& at, const unsigned char* end, bool into) {
  long size = 0;
  int tag = 0, kind = 0;
  const unsigned char* p = at;
  if (ASN1_get_object(&p, &size, &tag, &kind, end - at) & 0x80) return false;
  at = into ? p : p + size;
  return true;
}

// RFC 5280, section 4.1: Certificate { TBSCertificate { [0] version, serial,
// algorithm, issuer, validity, subject, ...
NamePointer subject_of(const std::vector<unsigned char>& der) {
  const unsigned char* at = der.data();
  const unsigned char* end = at + der.size();
  if (!step(at, end, true) || !step(at, end, true)) return nullptr;
  int fields = at < end && *at == 0xa0 ? 5 : 4;
  while (fields-- > 0) {
    if (!step(at, end, false)) return nullptr;
  }
  return NamePointer(d2i_X509_NAME(nullptr, &at, end - at));
}

unsigned long hash_of(const X509_NAME* name) { return X509_NAME_hash_ex(name, nullptr, nullptr, nullptr); }

// Where certificates lie in a file, by the hash of their subjects.
struct Bundle {
  struct Place {
    std::uint32_t subject;
    std::uint32_t begin, size;  // of the base64 text
  };
  std::string file;
  std::vector<Place> places;
};

void find_certificates(Bundle& bundle, std::string_view text) {
  for (std::size_t at = 0; (at = text.find(kBegin, at)) != text.npos;) {
    at += kBegin.size();
    auto end = text.find(kEnd, at);
    if (end == text.npos) return;
    if (auto subject = subject_of(decode(text.substr(at, end - at)))) {
      bundle.places.push_back({static_cast<std::uint32_t>(hash_of(subject.get())), static_cast<std::uint32_t>(at),
                               static_cast<std::uint32_t>(end - at)});
    }
    at = end;
  }
}

// OpenSSL asks for the issuer of a certificate, which no certificate in the store
// is. What is found stays in the store, so each is asked for once.
int find_by_subject(X509_LOOKUP* lookup, X509_LOOKUP_TYPE type, const X509_NAME* name, X509_OBJECT* found) {
  if (type != X509_LU_X509) return 0;
  const auto& bundle = *static_cast<const Bundle*>(X509_LOOKUP_get_method_data(lookup));
  auto subject = static_cast<std::uint32_t>(hash_of(name));
  bool any = false;
  for (const auto& place : bundle.places) {
    if (place.subject != subject) continue;
    auto der = decode(read_part(bundle.file, place.begin, place.size));
    const unsigned char* at = der.data();
    CertificatePointer certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    if (!certificate || X509_NAME_cmp(X509_get_subject_name(certificate.get()), name) != 0) continue;
    if (!X509_STORE_add_cert(X509_LOOKUP_get_store(lookup), certificate.get())) continue;
    // Takes a reference that nobody gives back: one for each root in use.
    if (!any) any = X509_OBJECT_set1_X509(found, certificate.get()) == 1;
  }
  ERR_clear_error();
  return any;
}

}  // namespace

std::size_t offer_roots(X509_STORE* store, const std::string& file, std::string& why) {
  struct stat status {};
  std::string text;
  errno = 0;
  if (stat(file.c_str(), &status) == 0) {
    if (status.st_size > kMaxFileBytes) {
      why = "larger than 16 MiB";
      return 0;
    }
    text = read_part(file, 0, status.st_size);
  }
  if (text.empty()) {
    why = errno ? std::strerror(errno) : "empty";
    return 0;
  }
  auto bundle = std::make_unique<Bundle>(Bundle{file, {}});
  find_certificates(*bundle, text);
  auto count = bundle->places.size();
  if (count == 0) {
    why = "no certificate in it (PEM is expected)";
    return 0;
  }
  X509_LOOKUP_METHOD* method = X509_LOOKUP_meth_new("Mayfly's bundle");
  X509_LOOKUP_meth_set_get_by_subject(method, find_by_subject);
  X509_LOOKUP* lookup = X509_STORE_add_lookup(store, method);
  X509_LOOKUP_set_method_data(lookup, bundle.release());
  return count;
}

}  // namespace mayfly::tls
