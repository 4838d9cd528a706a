//! Keyed hashes of values (contract `handlers.md` 10.2).

use blake2::Blake2sMac;
use blake2::digest::array::ArraySize;
use blake2::digest::consts::{True, U4, U8, U16, U32};
use blake2::digest::typenum::IsLessOrEqual;
use blake2::digest::{FixedOutput as _, Output, Update as _};

/// What BLAKE2s takes.
const LONGEST_KEY: usize = 32;

/// What a hash looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `hash32`: a number of four bytes.
    Number32,
    /// `hash64`: a number of eight bytes.
    Number64,
    /// `hash`: a uuid.
    Uuid,
}

/// A hash.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hashed {
    Number(i64),
    Uuid(String),
}

/// `obfuscator_key`, ready to hash with. An empty one hashes without a key.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Hasher {
    key: Vec<u8>,
}

/// Who has the key can try values until one fits: it is not for logs.
impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hasher { .. }")
    }
}

impl Hasher {
    /// `None` when the key is too long.
    pub(super) fn new(key: &str) -> Option<Hasher> {
        (key.len() <= LONGEST_KEY).then(|| Hasher { key: key.as_bytes().to_vec() })
    }

    /// The hash of a text.
    pub(super) fn hash(&self, form: Form, input: &str) -> Hashed {
        match form {
            Form::Number32 => {
                Hashed::Number(i32::from_be_bytes(self.digest::<U4>(input).into()).into())
            }
            Form::Number64 => Hashed::Number(i64::from_be_bytes(self.digest::<U8>(input).into())),
            Form::Uuid => Hashed::Uuid(self.uuid(input)),
        }
    }

    /// Sixteen bytes, but for the bit that would say which of the standard kinds of uuid this is.
    fn uuid(&self, input: &str) -> String {
        let mut number = u128::from_be_bytes(self.digest::<U16>(input).into());
        number &= !(1 << 63);
        let hex = format!("{number:032x}");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    /// The length is a parameter of the hash: a short digest is not the beginning of a longer one.
    fn digest<N>(&self, input: &str) -> Output<Blake2sMac<N>>
    where
        N: ArraySize + IsLessOrEqual<U32, Output = True>,
    {
        let key = (!self.key.is_empty()).then_some(self.key.as_slice());
        let mut hash = Blake2sMac::<N>::new_with_salt_and_personal(key, &[], &[])
            .expect("the key's length was checked");
        hash.update(input.as_bytes());
        hash.finalize_fixed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hashes() {
        let a = |n: usize| "a".repeat(n);
        #[rustfmt::skip]
        let table = [
            ("", "", 921293382, -1213003798394381668, "64550d6f-fe2c-0a01-214a-ba1eade0200c"),
            ("", "a", 386836441, 3983075613298419745, "854b9e9b-a49b-fd94-57d4-c3bf96e42523"),
            ("", "abc", -546242093, -7552926709144722430, "aa493811-9b1d-c7b8-7cba-d0ffd200d0ae"),
            ("", "äö", 1251563679, -4664478616099199510, "f1d526be-621c-ce8f-2345-690268004709"),
            ("", "1", 609999387, -6530690949737968830, "2f16bafc-6f6c-35ea-2e6e-ac392ff30387"),
            ("", "0", 1401279410, -8708605342980318750, "1b38fa6f-a3f0-56f9-04a2-38aa4fc33dff"),
            ("", "-5", 1978309861, -1470047258108661120, "d5d790dd-f10e-ce59-62af-0ae236966df1"),
            ("", "1.5", -1272603533, -5023038815942308047, "8f519c77-f380-e169-35f9-a0dde98f2941"),
            ("", "1e+300", 14363798, -6314595573544497180, "c78df866-5d6b-5e2c-61fd-25e830a82dfd"),
            ("123", "", 1349731870, 976875023619401478, "409472de-b4c7-1d62-16ae-ca3ec2854cb4"),
            ("123", "hdata1", 1846148070, -6895582243479185252, "8a360867-91a5-182b-4bd2-f7fb845719f4"),
            ("123", "hdata2", 133173485, -1108230110731028069, "a259d0f2-6cf0-6ed9-2de9-60385f08c528"),
            ("123", "hxdata1", 1952505758, -1597785662204074236, "c38dd763-f1aa-3625-521f-a987412fa012"),
            ("123", "hxdata2", -2099843463, 6778265219227598433, "8804aa9f-594a-726b-3b27-498b8cae325b"),
            ("123", "1", 1232416885, 4681791774818911828, "c6d4b1c6-a4c1-9e89-70a3-b8b973e2859b"),
            ("123", "t", -2089378721, -6335199114487445538, "94e8a82b-cbab-abc1-5ce2-37873806c830"),
            ("123", &a(63), 1880461637, 5769341284009055436, "9ecd2607-9c4c-b76c-6acc-74290230d8b5"),
            ("123", &a(64), 792033203, 3902286399973384962, "bab6b294-04e1-5d31-4706-89beb534996c"),
            ("123", &a(65), 461291423, 3489250415850025109, "6293588a-6d2e-13e2-575c-5e2caf07ffae"),
            ("123", &a(200), 144603072, 1905956641795035045, "34c36bb9-63dc-b490-65ed-979ba22a048b"),
            ("123", "ünïcödé", 1183348248, 3579562231961356688, "88e187e4-8b8f-d802-7a30-31cb0cd29601"),
            ("123", "\t\n", -1073618438, 1701507208244647391, "35ce5128-17e2-8b59-0e45-8a1545aefcd5"),
            ("123", "1.5", 351366500, -2591424405146447411, "8c86d68f-420c-e384-3e6c-1922e61894e1"),
            ("123", "100.0", 176568361, 7442397578919855039, "752763fc-e40b-7d66-6d71-64c605373606"),
            ("123", "1e+16", 738823586, 6900677873651280625, "e782c106-89b1-5b30-0f56-f07c39adeea9"),
            ("123", "1000000000000000000000000000000", -1864460732, 5212085525227790365, "3d1ad67f-a260-3fb0-395d-a45f8581b0e4"),
            ("seedForHash", "foo", 676463117, 1534224840552802797, "bcb3aecb-3105-4e70-07d1-ba1c1f2d3c25"),
            (&"k".repeat(32), "foo", 1525218003, 8517907835232149122, "48369dcd-8b5f-f047-04d9-051ed82d19e9"),
            ("ä", "foo", -420490984, -8845348214232985116, "cd3ba0b2-bb27-66f6-31c9-469eb142043b"),
        ];
        for (key, input, hash32, hash64, uuid) in table {
            let hasher = Hasher::new(key).unwrap();
            for (form, hash) in [
                (Form::Number32, Hashed::Number(hash32)),
                (Form::Number64, Hashed::Number(hash64)),
                (Form::Uuid, Hashed::Uuid(uuid.to_owned())),
            ] {
                assert_eq!(hasher.hash(form, input), hash, "{key} {input}");
            }
        }
    }

    #[test]
    fn a_key_has_32_bytes_at_most_and_is_not_shown() {
        assert!(Hasher::new(&"ä".repeat(16)).is_some());
        assert!(Hasher::new(&"k".repeat(33)).is_none());
        assert!(Hasher::new(&"ä".repeat(17)).is_none());
        assert!(!format!("{:?}", Hasher::new("sesame").unwrap()).contains("sesame"));
    }
}
