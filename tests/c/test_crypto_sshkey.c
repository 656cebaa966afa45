/* Keys in the forms of SSH, against what ssh-keygen (OpenSSH 9.2) wrote: keys of nobody, made for
 * this test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/sshkey.h"

static const char ed_private[] =
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n"
    "QyNTUxOQAAACBdY5KWqTJ2w4Gv4FMEY5bsBbIR0IV6qnl/Jfl7IgCj4gAAAIj2cgMH9nID\n"
    "BwAAAAtzc2gtZWQyNTUxOQAAACBdY5KWqTJ2w4Gv4FMEY5bsBbIR0IV6qnl/Jfl7IgCj4g\n"
    "AAAEATvb+5Tsi78ft6EYnLQi+YRUiVWuLSZODzRMmjTyDTwF1jkpapMnbDga/gUwRjluwF\n"
    "shHQhXqqeX8l+XsiAKPiAAAABHRlc3QB\n"
    "-----END OPENSSH PRIVATE KEY-----\n";
static const char ed_public[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF1jkpapMnbDga/gUwRjluwFshHQhXqqeX8l+Xsi"
    "AKPi test";
static const char rsa_private[] =
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAABFwAAAAdzc2gtcn\n"
    "NhAAAAAwEAAQAAAQEAm5G3UGlt/N5OcJrw2ni28xeJGCevdR28rlRIhyjiLUvnvcnueP2T\n"
    "M8GwppLYyq5Cb/iQiNjdb+Rb3D6FImETM3PBlAi8+ZviKw6XMO/nywpR3MX1pzF0YMJGgH\n"
    "FVW287YGmkLRk6QdlbGpMatAyQ6cNH2463y2iE2M6lQpqepu+CWMgLMMNUxwaFHMEky9lO\n"
    "Nkm1tGThPfeTO5+m3hTUHyZArLB1zoKNXrN/xdWrbJCqgT7JlyD1X6rvJa1AthW7IXJIjU\n"
    "mNsD0X80yWppqoAbleNGPeeqhBA/1dnDWAYy5P31F9W/e2p1jjf7zhfGtbL/5wT5wcxR+J\n"
    "fcdablOc3wAAA8CPDS2Njw0tjQAAAAdzc2gtcnNhAAABAQCbkbdQaW383k5wmvDaeLbzF4\n"
    "kYJ691HbyuVEiHKOItS+e9ye54/ZMzwbCmktjKrkJv+JCI2N1v5FvcPoUiYRMzc8GUCLz5\n"
    "m+IrDpcw7+fLClHcxfWnMXRgwkaAcVVbbztgaaQtGTpB2Vsakxq0DJDpw0fbjrfLaITYzq\n"
    "VCmp6m74JYyAsww1THBoUcwSTL2U42SbW0ZOE995M7n6beFNQfJkCssHXOgo1es3/F1ats\n"
    "kKqBPsmXIPVfqu8lrUC2FbshckiNSY2wPRfzTJammqgBuV40Y956qEED/V2cNYBjLk/fUX\n"
    "1b97anWON/vOF8a1sv/nBPnBzFH4l9x1puU5zfAAAAAwEAAQAAAQAKmwaqwjfqgcNKNPM6\n"
    "NE7l8qhOJRfL6FY+cjuBj111UL6V4d19PRhFx9dsUQgw2mwSvcN+DilxIS8hVtfKWLYvj0\n"
    "gr+I6IMRgxmZc1Zwg1Ki5w2m6yp7yd2LtoB+dASlcmGFLwyiP+bObOQHy/t+LsiiYXceWA\n"
    "xfmB3aXxjPXyPmLbe8+CMZU8mzPz17FhLQDsHvpHW+HpEd+3gZXtyoGvVnH6HLp+AF6Mta\n"
    "dRPfJsvtO92cdjZ1lJLY4gMjL6kAG10gsoGsrxOm6M5Z5qXQof5RjRt1jXpl81sQ0Yjmzp\n"
    "RJ0mo4kU9sO1RNqQ68vE/7PX2dgzQlhE/PqM6RA1BM8pAAAAgEHtfK8oHGCrHmYHTKVhXT\n"
    "AaH9i+DYSoOttq9kNiu00EnZXFVDuVYC73EzDN1QFR5qvuCXAvaLj3KBzym2YT6UKcLJbe\n"
    "GAeoku/NUyVu+PLqvnK4ISfdKgDNHInkPg9qqECWiyNACuM03+OaIgzcnp88MFTEP6ZvH9\n"
    "Fx9cBnEZ71AAAAgQDUAQMWpbyAkixo2Mw4PwiB2syYdD8pyJJLWVLu/adutRIM8YQjYHs9\n"
    "oAOXe3CPmDyqNO92ro1vtSOuWWP0GkaY8xkutyOEHLE7kBcpQguwSPeimI3wFT62TsR3ZU\n"
    "Hzkq3ETP1M7WfkX5+sOLF69FwKom7zmjgwMYcpyaN+09wH9wAAAIEAu9qIr+/9qkgi6g9R\n"
    "2+SuEdziSj0+mO5HczfRxN8TMM3gNt6l8QmyhDJ042+OlU9rYTLeQDCpynOPP3msBieb0R\n"
    "Dc7Um7Zvsv94JSVek3b3XM5M63e7kVm4zNZoJiMfw9D9IySNTeEltm6BW37MFek7kKDiBJ\n"
    "n1t56uDiNzgL6FkAAAAEdGVzdAECAwQFBgc=\n"
    "-----END OPENSSH PRIVATE KEY-----\n";
static const char rsa_public[] =
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCbkbdQaW383k5wmvDaeLbzF4kYJ691HbyuVEiH"
    "KOItS+e9ye54/ZMzwbCmktjKrkJv+JCI2N1v5FvcPoUiYRMzc8GUCLz5m+IrDpcw7+fLClHcxfWn"
    "MXRgwkaAcVVbbztgaaQtGTpB2Vsakxq0DJDpw0fbjrfLaITYzqVCmp6m74JYyAsww1THBoUcwSTL"
    "2U42SbW0ZOE995M7n6beFNQfJkCssHXOgo1es3/F1atskKqBPsmXIPVfqu8lrUC2FbshckiNSY2w"
    "PRfzTJammqgBuV40Y956qEED/V2cNYBjLk/fUX1b97anWON/vOF8a1sv/nBPnBzFH4l9x1puU5zf"
    " test";

/* With the passphrase "correct horse" in two rounds, by ssh-keygen -Z. */
static const char locked_ctr[] =
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABA84061PO\n"
    "HlC9yzgFT18N9CAAAAAgAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIGF00/GCsP2/BA3w\n"
    "G40nR7PA7RmtEEKoP+2i/mGjRP1jAAAAkCeMP56ZUfpdO7PpPsK5FYd/1X6eNflzBWLLb4\n"
    "IRp9HlgFoXTIFQ6oOcsihmaSgBGR+LbG6hH3kfGp1DACoqWJoON94XXRtp1NFM0MHlTk2f\n"
    "E2qr4UvHyqs7SK+Hu0KZtdvRj2I5oA4sPzb0xVRRVbXzzkiFXolMywxkstScPKNUxox0it\n"
    "/PHB3gAVleiB/ATw==\n"
    "-----END OPENSSH PRIVATE KEY-----\n";
static const char locked_cbc[] =
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jYmMAAAAGYmNyeXB0AAAAGAAAABCBY8nO06\n"
    "kDEgqqU1pblZjVAAAAAgAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAICZ1puF+DFVxsvZE\n"
    "wAXiO9fQS4eK7nPrcOm1yOUwzqEIAAAAkM4sC0F5m7J8GdssuhAd3kWW/CFqZvxM3dLuhj\n"
    "1KOIvG5jNdV1nDwnOhsXRsJ5z9RK8IUboBfwoZZgFz6UsXAiGQkEzvzIyzWSxBGJLWqBiy\n"
    "mMGkY1zE7cxChhFkHEjj4pSXqA70yS/u8ZRU53qk8d2dfflixmYVxfDwxbaYw15eJCPseg\n"
    "46ZqLJv/yRJtbGcA==\n"
    "-----END OPENSSH PRIVATE KEY-----\n";
static const char locked_gcm[] =
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAAFmFlczI1Ni1nY21Ab3BlbnNzaC5jb20AAAAGYmNyeXB0AA\n"
    "AAGAAAABBvMDP4bEvloyFt1SvACeVMAAAAAgAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAA\n"
    "IGTK8QbBlVdl8bwZyJCUMmAvw2LanzLjbBYRp8lhBVRzAAAAkG/tnSaPqNEf1sM1SfqUCg\n"
    "ErR3hROPWYGv3CIMU6dDms9tENGMZ3+dTOxsMy8a1Cx6rnGgKJHDAdPVr5asO23i/Sb7Y0\n"
    "8vrPbZfS2nbOcNfJTA/ro2m3l4J1T3g2ncylUP9WDFPCbqnm3vdx+MSEhMLLyb9nkCOkJM\n"
    "pwvHc+ZaUkDAa4Z6Tvbl4rPRs4aoVnRTSOTzFvDHoVaWFDP6M8BGs=\n"
    "-----END OPENSSH PRIVATE KEY-----\n";
static const char locked_chacha[] =
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAAHWNoYWNoYTIwLXBvbHkxMzA1QG9wZW5zc2guY29tAAAABm\n"
    "JjcnlwdAAAABgAAAAQCoIO3XLopjkAa3iN1RNbJgAAAAIAAAABAAAAMwAAAAtzc2gtZWQy\n"
    "NTUxOQAAACAaGC9e19vSaxRC4nyp0M5un9TrnKoog9ohoJFTXTgHbQAAAIhsjgI1oyUr1U\n"
    "8kkx5zUvT2NOkNICLZt8z26i/qi1eK69GbC2yJuOWJYJFV9KX7CkMCbf/vgJSzOGTF1UkD\n"
    "hoIFidgUuM/GH5ZdHf9HFOSJGQf4fr7dLLtaTQV4KvmMV3u9cQ9ANbm3pjVwwJs21Gu8S8\n"
    "M+3yad+vcjgUZcTQ6z+Ln0LtuuqPk/qwVbq6zQChSQSLkg0lZmHg==\n"
    "-----END OPENSSH PRIVATE KEY-----\n";
static const char locked_3des[] =
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAACDNkZXMtY2JjAAAABmJjcnlwdAAAABgAAAAQQbvPE+PNF/\n"
    "yJWlS2QIZUCAAAAAIAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQAAACBIffzTmk849csKYm95\n"
    "99pcoXxnOEaMiacYcS1c4FWssQAAAIhM3lBff5rDwrTnw9HTXZcctpSxgJ5P28NjdbDYIJ\n"
    "5CGTJ/5rvj10eBT1CmNwQjmLExrX/Ie/nbTCmyIHtO5PcWAWL+QFvRVXWraAJCwr3ppX3l\n"
    "EUqWtHovdSwZgJ6UJHU/nm+AUNf8ks+raPRKo+9sGDg3yhePIa2x6TvOh5NKu2H/T0+ubq\n"
    "XQ\n"
    "-----END OPENSSH PRIVATE KEY-----\n";

static const pv_bytes none;

static pv_bytes str(const char *text)
{
    return (pv_bytes){text, strlen(text)};
}

static void belong(const char *private_text, const char *public_text)
{
    pv_pkey *secret = NULL, *open = NULL;
    pv_buf a = {0}, b = {0}, line = {0}, sig = {0};
    pv_sign_alg alg;
    assert_int_equal(pv_sshkey_private(&secret, str(private_text), none, NULL), PV_OK);
    assert_int_equal(pv_sshkey_public(&open, str(public_text), NULL), PV_OK);
    assert_true(pv_pkey_has_secret(secret));
    assert_false(pv_pkey_has_secret(open));
    assert_int_equal(pv_sshkey_wire(secret, &a, NULL), PV_OK);
    assert_int_equal(pv_sshkey_wire(open, &b, NULL), PV_OK);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    assert_int_equal(pv_sshkey_line(secret, &line, NULL), PV_OK);
    assert_int_equal(strlen(public_text), line.len + strlen(" test"));
    assert_memory_equal(line.data, public_text, line.len);
    alg = pv_pkey_type_of(open) == PV_RSA ? PV_SIGN_RSA_PSS : PV_SIGN_ED25519;
    assert_int_equal(pv_pkey_sign(secret, alg, NULL, str("text"), &sig, NULL), PV_OK);
    assert_int_equal(
        pv_pkey_verify(open, alg, NULL, str("text"), (pv_bytes){sig.data, sig.len}, NULL), PV_OK);
    pv_pkey_free(secret);
    pv_pkey_free(open);
    pv_buf_deinit(&a);
    pv_buf_deinit(&b);
    pv_buf_deinit(&line);
    pv_buf_deinit(&sig);
}

static void test_of_ssh_keygen(void **state)
{
    (void)state;
    belong(ed_private, ed_public);
    belong(rsa_private, rsa_public);
}

/* Only the passphrase opens it; whose it is can be seen without. */
static void test_passphrase(void **state)
{
    static const char *const texts[] = {locked_ctr, locked_cbc, locked_gcm, locked_chacha,
                                        locked_3des};
    (void)state;
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
        pv_pkey *key = NULL, *open = NULL;
        pv_buf a = {0}, b = {0};
        pv_err err;
        assert_int_equal(pv_sshkey_private(&key, str(texts[t]), none, &err), PV_EAUTH);
        assert_string_equal(err.msg, "the private key of SSH has a passphrase");
        assert_int_equal(pv_sshkey_private(&key, str(texts[t]), str("Correct horse"), &err),
                         PV_EAUTH);
        assert_string_equal(err.msg, "the passphrase is wrong");
        assert_null(key);
        assert_int_equal(pv_sshkey_private(&key, str(texts[t]), str("correct horse"), &err), PV_OK);
        assert_true(pv_pkey_has_secret(key));
        assert_int_equal(pv_sshkey_public_of(&open, str(texts[t]), &err), PV_OK);
        assert_false(pv_pkey_has_secret(open));
        assert_int_equal(pv_sshkey_wire(key, &a, NULL), PV_OK);
        assert_int_equal(pv_sshkey_wire(open, &b, NULL), PV_OK);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.data, b.data, a.len);
        pv_pkey_free(key);
        pv_pkey_free(open);
        pv_buf_deinit(&a);
        pv_buf_deinit(&b);
    }
}

/* What is changed (cipher, salt, public half, sealed part, tag) opens nothing. */
static void test_passphrase_damage(void **state)
{
    static const size_t places[] = {60, 100, 130, 200, 330, 460};
    char text[1024];
    size_t len = strlen(locked_gcm), refused = 0;
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        pv_pkey *key = NULL;
        memcpy(text, locked_gcm, len);
        text[places[i]] = text[places[i]] == 'B' ? 'C' : 'B';
        refused +=
            pv_sshkey_private(&key, (pv_bytes){text, len}, str("correct horse"), NULL) != PV_OK;
        pv_pkey_free(key);
    }
    assert_int_equal(refused, sizeof places / sizeof places[0]);
}

/* Whatever is cut off or changed is refused or is another key, and nothing reads past its end. */
static void test_damage(void **state)
{
    static const char *const texts[] = {ed_private, rsa_private, ed_public, rsa_public};
    (void)state;
    for (size_t t = 0; t < 4; t++) {
        char text[4096];
        size_t len = strlen(texts[t]);
        for (size_t at = 0; at < len; at += t % 2 == 0 ? 1 : 7) {
            pv_pkey *key = NULL;
            memcpy(text, texts[t], len);
            if (t < 2) (void)pv_sshkey_private(&key, (pv_bytes){text, at}, none, NULL);
            else (void)pv_sshkey_public(&key, (pv_bytes){text, at}, NULL);
            pv_pkey_free(key);
            key = NULL;
            text[at] = text[at] == 'A' ? 'B' : 'A';
            if (t < 2) (void)pv_sshkey_private(&key, (pv_bytes){text, len}, none, NULL);
            else (void)pv_sshkey_public(&key, (pv_bytes){text, len}, NULL);
            pv_pkey_free(key);
        }
    }
}

static void test_refused(void **state)
{
    pv_pkey *key = NULL, *curve = NULL;
    pv_buf out = {0};
    pv_err err;
    (void)state;
    assert_int_equal(pv_sshkey_public(&key, str(""), &err), PV_EINVAL);
    assert_int_equal(pv_sshkey_public(&key, str("ssh-ed25519"), &err), PV_EINVAL);
    assert_int_equal(pv_sshkey_public(&key, str("ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIA=="), &err),
                     PV_EINVAL);
    assert_int_equal(pv_sshkey_public(&key, str("ssh-dss AAAAB3NzaC1kc3MAAAAA"), &err),
                     PV_EUNSUPPORTED);
    assert_int_equal(
        pv_sshkey_private(&key, str("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA"), none, &err),
        PV_EINVAL);
    assert_int_equal(pv_sshkey_private(&key, str("nonsense"), none, &err), PV_EINVAL);
    assert_null(key);
    assert_int_equal(pv_pkey_generate(&curve, PV_P256, 0, NULL), PV_OK);
    assert_int_equal(pv_sshkey_wire(curve, &out, &err), PV_EUNSUPPORTED);
    pv_pkey_free(curve);
    pv_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_ssh_keygen),     cmocka_unit_test(test_passphrase),
        cmocka_unit_test(test_passphrase_damage), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
