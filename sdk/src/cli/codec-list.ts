/** Codec profiles on the command line: names with commas between them. */
import { CODEC_PROFILES, type CodecProfile, isCodecProfile } from '../codec/codec.ts';
import { SplitError } from '../errors.ts';

export function readCodecs(flag: string): (text: string) => readonly CodecProfile[] {
  return (text) => {
    const names = text.split(',').map((name) => name.trim());
    const wrong = names.find((name) => !isCodecProfile(name));
    if (wrong !== undefined) {
      const known = `${CODEC_PROFILES.join(', ')}, step:SHARE+context`;
      throw new SplitError('options-invalid', `${flag} names '${wrong}'; expected ${known}`);
    }
    return [...new Set(names)].filter(isCodecProfile);
  };
}
